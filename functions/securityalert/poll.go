package securityalert

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/platform"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/workflow"
)

// Poller reads the System Log every minute: the way in that misses nothing,
// whatever hooks and streams lose.
//
// One runs at a time, by a lease that ends when the function's own time does. The
// next link is stored only after all that its page leads to is on file, and only
// by whoever still holds the lease; so a page may be processed twice, which changes
// nothing, and is never left out.
type Poller struct {
	okta    logs
	seats   seats
	intake  *Intake
	store   store
	metrics *platform.Metrics
}

// logs is the part of okta.Client that the poller needs.
type logs interface {
	PollLogs(ctx context.Context, cursor string) (okta.LogPage, error)
}

// seats is the part of ratelimit.Seats that the poller needs.
type seats interface {
	Book(ctx context.Context, class ratelimit.Class, id string, needs []ratelimit.Need) (ratelimit.Booking, error)
}

const (
	pollerKey, cursorKey = "poller", "cursor"
	// firstLook is how far back the very first run goes.
	firstLook = time.Hour
	// overlap is how far before the last page a run begins when Okta does not know
	// the cursor any more: events that were stored late have to be in it.
	overlap = 24 * time.Hour
	// spare is the time left to a run at which it begins no further page.
	spare = 12 * time.Second
	// skew is how much the clocks of two instances may differ.
	skew = 2 * time.Second
	// usualTime is how long a run without a deadline holds the lease.
	usualTime = 55 * time.Second
)

// Polled is what a run did.
type Polled struct {
	// Held is false when another run was at it.
	Held     bool `json:"held"`
	Pages    int  `json:"pages"`
	Events   int  `json:"events"`
	Findings int  `json:"findings"`
	Revived  int  `json:"revived"`
	// Behind says that there is more to read than there was time for.
	Behind bool `json:"behind"`
}

// Handle is Run for Lambda, whose schedule tells nobody what an error said.
func (p *Poller) Handle(ctx context.Context) (Polled, error) {
	out, err := p.Run(ctx)
	if err != nil {
		err = workflow.Boundary(err)
		platform.Logger(ctx).WarnContext(ctx, "polling the System Log failed", "error_type", fmt.Sprintf("%T", err), "error", err.Error())
		p.metrics.Count("PollFailed", 1, "UseCase", "securityalert")
	}
	return out, err
}

// Run reads on from where the run before stopped, as far as its time allows.
func (p *Poller) Run(ctx context.Context) (Polled, error) {
	var out Polled
	mine, err := p.take(ctx)
	if err != nil || mine == nil {
		return out, err
	}
	out.Held = true
	for more := true; more; {
		if time.Until(mine.until) < spare {
			out.Behind = true
			break
		}
		page, err := p.page(ctx, mine)
		if errors.Is(err, errBookedOut) {
			out.Behind = true
			break
		}
		if err != nil {
			return out, errors.Join(err, p.give(ctx, mine))
		}
		taken, err := p.intake.Take(ctx, "poll", page.Events)
		if err != nil {
			return out, errors.Join(err, p.give(ctx, mine))
		}
		out.Pages, out.Events, out.Findings = out.Pages+1, out.Events+len(page.Events), out.Findings+taken.Findings
		mine.cursor, mine.newest = page.Next, newest(mine.newest, page.Events)
		if err := p.advance(ctx, mine); err != nil {
			return out, err
		}
		more = page.More
	}
	out.Revived, err = p.revive(ctx)
	p.metrics.Count("OktaEventsPolled", out.Events, "UseCase", "securityalert")
	if !mine.newest.IsZero() && out.Events > 0 {
		p.metrics.Duration("PollLag", max(0, time.Since(mine.newest)), "UseCase", "securityalert")
	}
	return out, errors.Join(err, p.give(ctx, mine))
}

// hold is the lease of a run, with the position it reads from.
type hold struct {
	owner  string
	until  time.Time
	cursor string
	// newest is the publication of the latest event that was read.
	newest time.Time
	// calls numbers the run's calls of Okta.
	calls int
}

// take takes the lease; nil when another run has it.
func (p *Poller) take(ctx context.Context) (*hold, error) {
	now := time.Now()
	mine := &hold{owner: fmt.Sprint(now.UnixNano()), until: now.Add(usualTime)}
	if known, ok := lambdacontext.FromContext(ctx); ok {
		mine.owner = known.AwsRequestID + "/" + mine.owner
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(mine.until) {
		mine.until = deadline
	}
	out, err := p.store.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &p.store.table, Key: keys(pollerKey, cursorKey),
		UpdateExpression:    aws.String("SET lease_owner = :me, lease_until = :until"),
		ConditionExpression: aws.String("attribute_not_exists(lease_until) OR lease_until < :now OR lease_owner = :me"),
		ExpressionAttributeValues: item{
			":me": text(mine.owner), ":until": number(mine.until.Add(skew).UnixMilli()), ":now": number(now.UnixMilli()),
		},
		ReturnValues: types.ReturnValueAllNew,
	})
	var busy *types.ConditionalCheckFailedException
	switch {
	case errors.As(err, &busy):
		return nil, nil //nolint:nilnil // nothing to do is no error
	case err != nil:
		return nil, platform.AWSError("the position in the System Log could not be taken", err)
	}
	mine.cursor = textOf(out.Attributes["link"])
	if at := numberOf(out.Attributes["newest"]); at > 0 {
		mine.newest = time.UnixMilli(at)
	}
	if mine.cursor == "" {
		mine.cursor = okta.LogCursor(now.Add(-firstLook))
	}
	return mine, nil
}

// page reads the next page. A cursor that Okta does not know any more is replaced
// by a time well before the last event that was read: some come again then, and
// none is left out.
func (p *Poller) page(ctx context.Context, mine *hold) (okta.LogPage, error) {
	if err := p.seat(ctx, mine); err != nil {
		return okta.LogPage{}, err
	}
	page, err := p.okta.PollLogs(ctx, mine.cursor)
	if !fault.Is[*fault.Invalid](err) {
		return page, err
	}
	since := mine.newest.Add(-overlap)
	if mine.newest.IsZero() {
		since = time.Now().Add(-overlap)
	}
	platform.Logger(ctx).ErrorContext(ctx, "Okta does not know the position in the System Log any more; reading begins before the last event", "since", since, "error", err.Error())
	p.metrics.Count("PollRestarted", 1, "UseCase", "securityalert")
	mine.cursor = okta.LogCursor(since)
	if err := p.seat(ctx, mine); err != nil {
		return okta.LogPage{}, err
	}
	return p.okta.PollLogs(ctx, mine.cursor)
}

// errBookedOut says that Okta's limit allows no further call in a run's time: the
// next run goes on.
var errBookedOut = errors.New("the System Log's limit is booked out")

// seat books one call in the urgent lane: what comes late here comes late to
// everything that follows.
func (p *Poller) seat(ctx context.Context, mine *hold) error {
	needs := okta.NewCalls().Add("GET", "/api/v1/logs", 1).Needs()
	mine.calls++
	booking, err := p.seats.Book(ctx, ratelimit.Urgent, fmt.Sprintf("alert-poll/%s/%d", mine.owner, mine.calls), needs)
	if err != nil {
		return err
	}
	ahead := time.Until(booking.At)
	if ahead <= 0 {
		return nil
	}
	if ahead > time.Until(mine.until)-spare/2 {
		return errBookedOut
	}
	select {
	case <-ctx.Done():
		return &fault.Unavailable{Message: "the time ran out", Cause: ctx.Err()}
	case <-time.After(ahead):
		return nil
	}
}

// advance stores the position behind a page that is on file, if the lease is
// still this run's.
func (p *Poller) advance(ctx context.Context, mine *hold) error {
	_, err := p.store.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &p.store.table, Key: keys(pollerKey, cursorKey),
		UpdateExpression:    aws.String("SET link = :link, newest = :newest"),
		ConditionExpression: aws.String("lease_owner = :me"),
		ExpressionAttributeValues: item{
			":link": text(mine.cursor), ":newest": number(mine.newest.UnixMilli()), ":me": text(mine.owner),
		},
	})
	var lost *types.ConditionalCheckFailedException
	if errors.As(err, &lost) {
		return &fault.Unavailable{Message: "another run reads the System Log by now; this one's position was not kept"}
	}
	return platform.AWSError("the position in the System Log could not be kept", err)
}

// give gives the lease back, if it is still this run's.
func (p *Poller) give(ctx context.Context, mine *hold) error {
	_, err := p.store.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &p.store.table, Key: keys(pollerKey, cursorKey),
		UpdateExpression: aws.String("REMOVE lease_owner, lease_until"), ConditionExpression: aws.String("lease_owner = :me"),
		ExpressionAttributeValues: item{":me": text(mine.owner)},
	})
	var lost *types.ConditionalCheckFailedException
	if errors.As(err, &lost) {
		return nil
	}
	return platform.AWSError("the position in the System Log could not be given back", err)
}

func newest(known time.Time, events []okta.LogEvent) time.Time {
	for _, e := range events {
		if e.Published.After(known) {
			known = e.Published
		}
	}
	return known
}

const (
	// settling is how long a new alert is left to those who have just put it on
	// file; lookAgain is how often one that lives is looked after.
	settling  = 2 * time.Minute
	lookAgain = 15 * time.Minute
	// patience is how long an alert whose execution gave up is left before it is
	// tried again: what kept it has to pass first.
	patience = time.Hour
)

// revive looks after the alerts that are worked on: one whose execution does not
// exist, because whoever was to start it died, gets it now; one whose execution
// ended without finishing gets another.
func (p *Poller) revive(ctx context.Context) (int, error) {
	revived := 0
	pages := dynamodb.NewQueryPaginator(p.store.client, &dynamodb.QueryInput{
		TableName: &p.store.table, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("pk = :live"),
		ExpressionAttributeValues: item{":live": text(liveKey)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return revived, platform.AWSError("the list of alerts could not be read", err)
		}
		for _, i := range page.Items {
			since := time.UnixMilli(numberOf(i["since"]))
			if time.Since(since) < settling || numberOf(i["looked"]) > time.Now().Add(-lookAgain).UnixMilli() {
				continue
			}
			again, err := p.look(ctx, textOf(i["sk"]))
			if err != nil {
				return revived, err
			}
			if again {
				revived++
			}
		}
	}
	return revived, nil
}

// look looks after one alert.
func (p *Poller) look(ctx context.Context, id string) (revived bool, err error) {
	desk := p.intake.desk
	a, err := p.store.alert(ctx, id)
	if err != nil {
		return false, err
	}
	alive := false
	if a.Started && a.Failed.IsZero() {
		if alive, err = desk.alive(ctx, a); err != nil {
			return false, err
		}
	}
	switch {
	case !a.Live, alive, !a.Failed.IsZero() && time.Since(a.Failed) < patience:
		return false, p.looked(ctx, id)
	case a.Started:
		if a, err = p.store.update(ctx, id, func(now *alert) bool {
			if now.Run != a.Run || !now.Live {
				return false
			}
			now.Run, now.Started, now.Token, now.Failed = now.Run+1, false, "", time.Time{}
			return true
		}); err != nil {
			return false, err
		}
	}
	if !a.Live || a.Started {
		return false, nil
	}
	platform.Logger(ctx).WarnContext(ctx, "an alert that nobody worked on gets an execution", "alert", id, "execution", a.execution())
	return true, desk.start(ctx, a)
}

// looked notes when an alert was looked after.
func (p *Poller) looked(ctx context.Context, id string) error {
	_, err := p.store.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &p.store.table, Key: keys(liveKey, id), UpdateExpression: aws.String("SET looked = :now"),
		ConditionExpression: aws.String("attribute_exists(pk)"), ExpressionAttributeValues: item{":now": number(time.Now().UnixMilli())},
	})
	var gone *types.ConditionalCheckFailedException
	if errors.As(err, &gone) {
		return nil
	}
	return platform.AWSError("the list of alerts could not be written", err)
}

// alive reports whether the alert's execution runs.
func (d *desk) alive(ctx context.Context, a alert) (bool, error) {
	out, err := d.sfn.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(executionARN(d.machine, a.execution()))})
	var gone *sfntypes.ExecutionDoesNotExist
	switch {
	case errors.As(err, &gone):
		return false, nil
	case err != nil:
		return false, platform.AWSError("could not see whether the execution of an alert is alive", err)
	}
	return out.Status == sfntypes.ExecutionStatusRunning || out.Status == sfntypes.ExecutionStatusPendingRedrive, nil
}
