package securityalert

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// view is what the state machine knows of the alert: $.alert.
type view struct {
	// Disposition is work, superseded (another execution works on it), ended (the
	// incident is closed and there is no news, or nothing has come for a month) or
	// again (the incident is closed and there is news).
	Disposition string `json:"disposition"`
	// New says that there is no incident yet, Act that something about containment
	// is to be decided or done, Describe that there are people or events that the
	// incident does not tell of.
	New      bool `json:"new"`
	Act      bool `json:"act"`
	Describe bool `json:"describe"`
}

// Dispositions of an alert that has been taken.
const (
	work       = "work"
	superseded = "superseded"
	ended      = "ended"
	again      = "again"
)

const (
	// longestNap bounds a wait, so that a closed incident is noticed within half a
	// day also when nothing happens.
	longestNap = 12 * time.Hour
	// unfinished is how long a containment that broke off is left, breather how long
	// people who are not described yet.
	unfinished = 5 * time.Minute
	breather   = time.Minute
	// rest is how long an open incident without news keeps an execution.
	rest = 30 * 24 * time.Hour
)

// TakeAlert looks at how the alert and its incident stand.
func (s *Steps) TakeAlert(ctx context.Context, st state) (view, error) {
	a, mine, err := s.mine(ctx, st.Subject)
	if err != nil {
		return view{}, err
	}
	if !mine {
		return view{Disposition: superseded}, nil
	}
	if a.Incident != nil {
		over, err := s.closed(ctx, a)
		if err != nil {
			return view{}, err
		}
		switch {
		case over && a.news():
			return view{Disposition: again}, nil
		case over, !a.news() && time.Since(a.Last) > rest && len(a.suspects(suspected, asked, held, due, undoing)) == 0:
			return view{Disposition: ended}, nil
		}
	}
	if a.Token != "" || !a.Failed.IsZero() {
		if a, err = s.keep(ctx, a, func(now *alert) { now.Token, now.Failed = "", time.Time{} }); err != nil {
			return view{}, err
		}
	}
	return view{
		Disposition: work, New: a.Incident == nil, Act: len(a.suspects(suspected, asked, held, due, undoing, contained)) > 0,
		Describe: a.undescribed(),
	}, nil
}

// closed reports whether the incident is over: resolved, closed, cancelled or
// deleted.
func (s *Steps) closed(ctx context.Context, a alert) (bool, error) {
	ticket, err := s.servicenow.Ticket(ctx, s.kinds.of(a.Incident.Table), a.Incident.SysID)
	if fault.Is[*fault.NotFound](err) {
		return true, nil
	}
	over := []servicenow.Phase{servicenow.Resolved, servicenow.Closed, servicenow.Cancelled}
	return slices.Contains(over, ticket.Phase), err
}

// undescribed reports whether there is somebody, or an event, that the incident
// does not tell of.
func (a *alert) undescribed() bool {
	if a.Attached < len(a.Evidence) {
		return true
	}
	for _, p := range a.People {
		if p.ID != "" && !p.Described {
			return true
		}
	}
	return false
}

// Watch is the result of UpdateIncident: $.watch.
type Watch struct {
	// WaitSeconds is how long to wait for news.
	WaitSeconds int `json:"wait_seconds"`
}

// UpdateIncident tells the incident what has come since, in one note: at once when
// it cannot wait, otherwise at intervals that grow, so that an attack that goes on
// for hours does not flood it.
func (s *Steps) UpdateIncident(ctx context.Context, st state) (Watch, error) {
	a, rules, err := s.own(ctx, st.Subject)
	if err != nil {
		return Watch{}, err
	}
	if a.news() && (a.Urgent || !time.Now().Before(a.Quiet)) {
		posting := servicenow.Posting{Key: noteKey(a, "news", a.Told.Count, a.Count, len(a.Rules)), WorkNote: s.newsNote(a, rules)}
		if priority := a.due(rules); priority < a.Priority {
			a.Priority, posting.Set = priority, priorityColumns(priority)
		}
		if err := s.post(ctx, a, rules, posting); err != nil {
			return Watch{}, err
		}
		tell := a.tells()
		if a, err = s.keep(ctx, a, func(now *alert) {
			now.Told, now.Priority = tell, a.Priority
			now.Urgent = now.Urgent && now.news()
			if !now.news() { // whoever reads the incident knows what was repeated
				for _, p := range now.suspects(contained, released, cleared, spared, shadowed, failed) {
					p.Suspicion.Repeat = nil
				}
			}
			now.Quiet, now.Notes = time.Now().Add(interval(now.Notes)).UTC(), now.Notes+1
		}); err != nil {
			return Watch{}, err
		}
	}
	return Watch{WaitSeconds: int(math.Ceil(max(time.Second, min(longestNap, a.nap())).Seconds()))}, nil
}

// post writes to the incident. A column that the instance keeps as it was, such as
// a priority that it works out by itself, does not take the note back.
func (s *Steps) post(ctx context.Context, a alert, rules *detect.Rules, p servicenow.Posting) error {
	err := s.servicenow.Post(ctx, a.Incident.ref(), p, because(a, rules))
	if !fault.Is[*fault.Denied](err) {
		return err
	}
	_, posted, lookErr := s.ledger.Done(ctx, "ticket.update", a.Incident.ref().String(), p.Key)
	if lookErr != nil || !posted {
		return errors.Join(err, lookErr)
	}
	platform.Logger(ctx).WarnContext(ctx, "the incident was not changed as it ought to be", "incident", a.Incident.Number, "error", err.Error())
	return nil
}

// tells is what an incident that is up to date says.
func (a *alert) tells() told {
	return told{Count: a.Count, Addresses: len(a.Addresses), People: len(a.People), Rules: len(a.Rules), Severity: a.Severity}
}

// intervals between the notes about what goes on; the last one stays.
var intervals = []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour}

func interval(notes int) time.Duration { return intervals[min(notes, len(intervals)-1)] }

// nap is how long there is nothing to do unless something comes.
func (a *alert) nap() time.Duration {
	nap := longestNap
	if a.pressing(time.Now()) { // it came while this round went on
		return 0
	}
	if a.undescribed() {
		nap = breather
	}
	if len(a.suspects(due, undoing)) > 0 { // it could not be finished: try again
		nap = min(nap, unfinished)
	}
	if a.news() {
		nap = min(nap, time.Until(a.Quiet))
	}
	for _, p := range a.suspects(asked, held, contained) {
		if !p.Suspicion.Until.IsZero() {
			nap = min(nap, time.Until(p.Suspicion.Until))
		}
	}
	return nap
}

// AwaitNews waits: for findings, for answers, or for its time to be up. It leaves
// the task token with the alert and with every open question; what comes first
// resumes the state. What came while nobody waited resumes it at once.
func (s *Steps) AwaitNews(ctx context.Context, st state) (workflow.Nothing, error) {
	a, rules, err := s.own(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	task, _ := workflow.TaskOf(ctx)
	if task.Token == "" {
		return workflow.Nothing{}, &fault.Invalid{Message: "the state that waits for news passes no task token"}
	}
	if a, err = s.keep(ctx, a, func(now *alert) { now.Token = task.Token }); err != nil {
		return workflow.Nothing{}, err
	}
	if err := s.ask(ctx, a, rules, task.Token); err != nil {
		return workflow.Nothing{}, err
	}
	a, err = s.desk.store.alert(ctx, a.ID)
	if err != nil {
		return workflow.Nothing{}, err
	}
	return workflow.Nothing{}, s.desk.attend(ctx, a)
}

// EndAlert lets the alert rest, unless something has come meanwhile. Of an incident
// that is closed the next finding makes a new one, which refers to it.
func (s *Steps) EndAlert(ctx context.Context, st state) (workflow.Release, error) {
	a, mine, err := s.mine(ctx, st.Subject)
	if err != nil || !mine {
		return workflow.Release{}, err // it was let go before
	}
	over := false
	if a.Incident != nil {
		if over, err = s.closed(ctx, a); err != nil {
			return workflow.Release{}, err
		}
	}
	if over {
		if err := s.withdraw(ctx, a); err != nil {
			return workflow.Release{}, err
		}
	}
	news := false
	_, err = s.keep(ctx, a, func(now *alert) {
		if news = now.news() || now.Urgent; news {
			return
		}
		if over {
			now.next()
		}
		now.Live, now.Token = false, ""
	})
	return workflow.Release{Again: news}, err
}

// BeginNextEpisode hands what is new over to an execution of its own, with an
// incident of its own.
func (s *Steps) BeginNextEpisode(ctx context.Context, st state) (workflow.Nothing, error) {
	a, mine, err := s.mine(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	if mine {
		if err := s.withdraw(ctx, a); err != nil {
			return workflow.Nothing{}, err
		}
		if a, err = s.keep(ctx, a, func(now *alert) {
			now.next()
			now.Live, now.Started, now.Run = true, false, now.Run+1
		}); err != nil {
			return workflow.Nothing{}, err
		}
	}
	return workflow.Nothing{}, s.desk.attend(ctx, a)
}

// mine reads the alert and says whether the running execution still works on it.
func (s *Steps) mine(ctx context.Context, subject workflow.Subject) (alert, bool, error) {
	a, err := s.desk.store.alert(ctx, alertOf(subject))
	task, _ := workflow.TaskOf(ctx)
	return a, a.execution() == task.Name(), err
}

// withdraw takes back what is still asked about an incident that is closed.
func (s *Steps) withdraw(ctx context.Context, a alert) error {
	_, err := s.questions.Withdraw(ctx, a.Incident.ref())
	if fault.Is[*fault.NotFound](err) || fault.Is[*fault.Denied](err) {
		return nil // the incident is gone, or hidden: nobody reads its questions
	}
	return err
}
