package accessreview

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/workflow"
)

// turn says whether this execution is the one that reviews: $.turn.
type turn struct {
	Held bool `json:"held"`
}

// TakeTurn lets one review of a kind run at a time: a schedule that fires twice
// asks nobody twice.
func (s *Steps) TakeTurn(ctx context.Context, st state) (turn, error) {
	held, err := s.tickets.TakeOver(ctx, st.Subject)
	return turn{held}, err
}

// begun is a review under way: $.review.
type begun struct {
	// ID names the review, and its place in the evidence bucket.
	ID    string    `json:"id"`
	Began time.Time `json:"began"`
	// Previous is the last review of the same scope; empty for the first.
	Previous string `json:"previous,omitempty"`
	Scope    Scope  `json:"scope"`
	Title    string `json:"title"`
	// Shares are the parts of the people that are compared side by side.
	Shares []int `json:"shares"`
}

// shareCount is how many Lambdas compare at once.
const shareCount = 4

// Table is the table of a review in the input of an execution; its SysID is the
// kind of review, "weekly", or the name of a request.
const Table = "access_review"

// StartReview names the review after the moment and the execution, so that a
// retry means the same one, and finds the one before.
func (s *Steps) StartReview(ctx context.Context, st state) (begun, error) {
	if err := st.Scope.Check(); err != nil {
		return begun{}, err
	}
	task, _ := workflow.TaskOf(ctx)
	at, err := time.Parse(time.RFC3339, task.Entered)
	if err != nil {
		return begun{}, &fault.Invalid{Message: "the moment at which the review began is not known", Cause: err}
	}
	r := begun{
		ID: at.UTC().Format("2006-01-02T1504") + "-" + short(task.Execution)[:6], Began: at.UTC().Truncate(time.Second),
		Scope: st.Scope, Title: st.Number,
	}
	for i := range shareCount {
		r.Shares = append(r.Shares, i)
	}
	last, err := s.store.table.get(ctx, lastKey(st.Scope))
	if err != nil {
		return begun{}, err
	}
	if r.Previous = textOf(last["review"]); r.Previous == r.ID {
		r.Previous = textOf(last["previous"])
	}
	if err := s.rules.keep(ctx, s.store, r); err != nil {
		return begun{}, err
	}
	if err := s.keepOwners(ctx, r); err != nil {
		return begun{}, err
	}
	_, err = s.ledger.Fact(ofReview(ctx, r), audit.Change{
		System: "lifecycle", Verb: "review.start", Target: "review/" + r.ID, Key: r.ID, Reason: audit.Reason{Kind: "access_review", Ref: st.SysID, Text: st.Number},
		After: map[string]any{"scope": r.Scope.String(), "previous": r.Previous},
	})
	return r, err
}

// ofReview records under the review.
func ofReview(ctx context.Context, r begun) context.Context {
	trail, _ := audit.TrailOf(ctx)
	trail.Stream = streamOf(r.ID)
	return audit.WithTrail(ctx, trail)
}

func streamOf(review string) string { return Table + "/" + review }

// lastKey is where the last review of a scope is noted.
func lastKey(s Scope) key { return key{"last", s.key()} }

// slice is how far one list has been read: $.slice of a branch. Where it goes on
// is in the table.
type slice struct {
	// Branch names the list.
	Branch string `json:"branch"`
	Number int    `json:"number"`
	Done   bool   `json:"done"`
}

// The lists, each read by a branch of its own because each draws on a limit of
// its own.
const (
	usersBranch  = "users"
	evenBranch   = "groups-0"
	oddBranch    = "groups-1"
	appsBranch   = "apps"
	rolesBranch  = "roles"
	peopleBranch = "people"
	leasesBranch = "leases"
	matchBranch  = "match"
)

// reader reads one slice of a list: it goes on where cursor says, makes at most
// so many calls, and lays what it read onto the sheet.
type reader struct {
	// bucket is the limit that the calls draw on; empty: none of Okta's.
	bucket string
	// most is how many calls a slice has at most.
	most int
	read func(s *Steps, ctx context.Context, st state, cursor json.RawMessage, calls int, onto *sheet) (position, error)
}

// position is where a list goes on.
type position struct {
	Cursor any
	Calls  int
	Done   bool
}

var readers = map[string]reader{
	usersBranch:  {"/api/v1/users", 60, (*Steps).readUsers},
	evenBranch:   {"/api/v1/groups", 120, (*Steps).readEvenGroups},
	oddBranch:    {"/api/v1/groups", 120, (*Steps).readOddGroups},
	appsBranch:   {"/api/v1/apps", 50, (*Steps).readApps},
	rolesBranch:  {"/api/v1", 1 + okta.AdminsPerPage, (*Steps).readRoles},
	peopleBranch: {"", 10, (*Steps).readPeople},
	leasesBranch: {"", 10, (*Steps).readLeases},
}

// calls is how many calls a slice of the list has: as many as divide a minute's
// evenly, so that no part of it stays unused.
func (s *Steps) calls(ctx context.Context, r reader) (int, error) {
	steady, err := s.seats.Steady(ctx, r.bucket)
	if err != nil {
		return 0, err
	}
	parts := (steady + r.most - 1) / r.most
	return max(1, steady/parts), nil
}

// BookPages books the calls of the next slice in the bulk lane.
func (s *Steps) BookPages(ctx context.Context, st state) (workflow.Seats, error) {
	r := readers[st.Slice.Branch]
	calls, err := s.calls(ctx, r)
	if err != nil {
		return workflow.Seats{}, err
	}
	return workflow.BookSeatsFor(ctx, s.seats, ratelimit.Bulk, st.Slice.Branch, []ratelimit.Need{{Bucket: r.bucket, Calls: calls}}, st.Seats)
}

// ReadPages reads the next slice of a list. A slice that was finished before is
// not read again; one that was killed is, from the same place.
func (s *Steps) ReadPages(ctx context.Context, st state) (slice, error) {
	r, known := readers[st.Slice.Branch]
	if !known {
		return slice{}, &fault.Invalid{Message: fmt.Sprintf("there is no list %q", st.Slice.Branch)}
	}
	calls := r.most
	for _, n := range st.Seats.Booking.Needs {
		calls = n.Calls
	}
	return s.oneSlice(ctx, st, func(cursor json.RawMessage, onto *sheet) (position, error) {
		return r.read(s, ctx, st, cursor, calls, onto)
	})
}

// oneSlice does a slice of work once: what it laid onto the sheet goes into the
// bucket first, and the place where the next one begins into the table last.
func (s *Steps) oneSlice(ctx context.Context, st state, work func(json.RawMessage, *sheet) (position, error)) (slice, error) {
	at := st.Slice
	next := slice{Branch: at.Branch, Number: at.Number + 1}
	finished, err := s.store.sliceDone(ctx, st.Review.ID, at)
	if err != nil {
		return slice{}, err
	}
	if finished != nil {
		next.Done = finished.Done
		return next, nil
	}
	var cursor json.RawMessage
	if at.Number > 0 {
		before, err := s.store.sliceDone(ctx, st.Review.ID, slice{Branch: at.Branch, Number: at.Number - 1})
		if err != nil {
			return slice{}, err
		}
		if before == nil {
			return slice{}, &fault.Conflict{Message: fmt.Sprintf("slice %d of %s is missing in the review %s", at.Number-1, at.Branch, st.Review.ID)}
		}
		cursor = before.Cursor
	}
	onto := newSheet()
	to, err := work(cursor, onto)
	if err != nil {
		return slice{}, err
	}
	next.Done = to.Done
	return next, s.store.finishSlice(ctx, st.Review.ID, at, to, onto)
}

// short is a short hash of some texts.
func short(texts ...string) string {
	h := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(h, "%q ", t)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
