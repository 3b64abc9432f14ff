package snowsim_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/servicenow"
)

// memory is a ledger that keeps nothing but what was done.
type memory struct{ done []audit.Record }

func (m *memory) Do(ctx context.Context, c audit.Change, act func(context.Context, audit.Attempt) (audit.Effect, error)) error {
	effect, err := act(ctx, audit.Attempt{})
	if err == nil {
		m.done = append(m.done, audit.Record{Verb: c.Verb, Target: c.Target, Key: c.Key, After: effect.After, RequestID: effect.RequestID})
	}
	return err
}

func (m *memory) Fact(context.Context, audit.Change) (audit.Record, error) {
	return audit.Record{}, nil
}

func (m *memory) Stream(context.Context, string) ([]audit.Record, error) { return nil, nil }

func (m *memory) Done(_ context.Context, verb, target, key string) (audit.Record, bool, error) {
	for _, r := range m.done {
		if r.Verb == verb && r.Target == target && r.Key == key {
			return r, true, nil
		}
	}
	return audit.Record{}, false, nil
}

func clientOf(t *testing.T, s *snowsim.Sim, credentials string) *servicenow.Client {
	t.Helper()
	c, err := servicenow.New(servicenow.Options{
		URL: "https://instance.example", Credentials: credentials, Transport: s.Transport(), Ledger: &memory{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const basic = `{"user":"` + snowsim.IntegrationUser + `","password":"` + snowsim.IntegrationPassword + `"}`

// TestTheClientOfTheProject holds the default instance against the default
// configuration: columns, states, closing codes and groups.
func TestTheClientOfTheProject(t *testing.T) {
	t.Parallel()
	for name, credentials := range map[string]string{
		"basic": basic, "oauth": `{"clientId":"` + snowsim.ClientID + `","clientSecret":"` + snowsim.ClientSecret + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := snowsim.New(snowsim.Options{})
			c := clientOf(t, s, credentials)
			for _, kind := range []servicenow.Kind{servicenow.OnboardingKind(), servicenow.OffboardingKind()} {
				id := s.Insert(kind.Table, map[string]string{"u_kind": kind.Name, "u_email": "new.hire@example.com"})
				if err := c.CheckStates(t.Context(), kind); err != nil {
					t.Fatal(err)
				}
				ticket, err := c.Ticket(t.Context(), kind, id)
				if err != nil {
					t.Fatal(err)
				}
				if ticket.Phase != servicenow.Open || ticket.Value("email") != "new.hire@example.com" {
					t.Errorf("%s: %+v", kind.Name, ticket)
				}
				post := servicenow.Posting{Key: "resolved", WorkNote: "done", Comment: "welcome", Set: kind.Columns(servicenow.Resolved)}
				for range 2 {
					if err := c.Post(t.Context(), ticket.Ref, post, audit.Reason{}); err != nil {
						t.Fatal(err)
					}
				}
				if got := s.Record(kind.Table, id)["state"]; got != "6" || len(s.Journal(kind.Table, id, "")) != 2 {
					t.Errorf("%s: state %s, notes %v", kind.Name, got, s.Journal(kind.Table, id, ""))
				}
				if err := c.Attach(t.Context(), ticket.Ref, "log.csv", "text/csv", []byte("x"), audit.Reason{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestTheClientAndPeople(t *testing.T) {
	t.Parallel()
	s := snowsim.New(snowsim.Options{})
	c := clientOf(t, s, basic)
	p, err := c.PersonByEmployeeNumber(t.Context(), "E1013")
	if err != nil || p.SysID != seed.PersonSysID("E1013") || !p.Active || p.TimeZone != "Europe/Berlin" {
		t.Errorf("%+v %v", p, err)
	}
	for _, name := range []string{snowsim.GroupITManagers, snowsim.GroupHR} {
		id, err := c.GroupSysID(t.Context(), name)
		if err != nil || id != snowsim.GroupSysID(name) {
			t.Fatalf("%s: %s %v", name, id, err)
		}
		members, err := c.GroupMembers(t.Context(), id)
		if err != nil || len(members) != 4 {
			t.Errorf("%s has the members %v, %v", name, members, err)
		}
	}
}

func TestTheClientAndApprovals(t *testing.T) {
	t.Parallel()
	s := snowsim.New(snowsim.Options{})
	c := clientOf(t, s, basic)
	ref := servicenow.Ref{Table: "incident", SysID: s.Insert("incident", nil)}
	ids := map[string]string{}
	for _, number := range []string{"E1007", "E1002"} {
		id, err := c.CreateApproval(t.Context(), servicenow.ApprovalRequest{Ticket: ref, Approver: seed.PersonSysID(number), Key: "k", Text: "please"}, audit.Reason{})
		if err != nil {
			t.Fatal(err)
		}
		ids[number] = id
	}
	if err := s.ApproveAs(seed.PersonSysID("E1007"), ids["E1007"], snowsim.Approved, ""); err != nil {
		t.Fatal(err)
	}
	all, err := c.ApprovalsOf(t.Context(), ref)
	if err != nil || len(all) != 2 {
		t.Fatalf("%v %v", all, err)
	}
	if got, err := c.Approval(t.Context(), ids["E1007"]); err != nil || got.State != servicenow.ApprovalApproved {
		t.Errorf("%+v %v", got, err)
	}
	if err := c.WithdrawApproval(t.Context(), ids["E1002"], audit.Reason{}); !fault.Is[*fault.Denied](err) {
		t.Errorf("withdrawing without approval_admin: %v", err)
	}
	s.GrantRole(snowsim.IntegrationUser, "approval_admin")
	if err := c.WithdrawApproval(t.Context(), ids["E1002"], audit.Reason{}); err != nil {
		t.Error(err)
	}
}

func TestTheClientAndFaults(t *testing.T) {
	t.Parallel()
	s := snowsim.New(snowsim.Options{})
	c := clientOf(t, s, basic)
	id := s.Insert("incident", map[string]string{"u_kind": "offboarding"})
	for name, f := range map[string]*snowsim.Fault{"hibernating": snowsim.Hibernating(), "cancelled": snowsim.Cancelled()} {
		s.Fault(func(*http.Request, int) *snowsim.Fault { return f })
		if _, err := c.Ticket(t.Context(), servicenow.OffboardingKind(), id); !fault.Is[*fault.Unavailable](err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.Fault(nil)
	err := c.Post(t.Context(), servicenow.Ref{Table: "incident", SysID: id}, servicenow.Posting{Key: "x", Set: map[string]string{"state": "6"}}, audit.Reason{})
	if !fault.Is[*fault.Denied](err) || !strings.Contains(err.Error(), "Resolution code") {
		t.Errorf("a data policy: %v", err)
	}
}

func TestTheClientAndCatalogVariables(t *testing.T) {
	t.Parallel()
	s := snowsim.New(snowsim.Options{})
	c := clientOf(t, s, basic)
	kind, err := servicenow.OffboardingKind().With([]byte(`{"table":"sc_req_item","query":"cat_item.name=Leaver",
		"fields":{"email":"variable:email","employee_number":"","legal_hold":"","termination_at":"","time_zone":"","requested_by":"requested_for"}}`))
	if err != nil {
		t.Fatal(err)
	}
	var early error
	s.OnChange(func(change snowsim.Change) {
		if change.Table == "sc_req_item" && change.Operation == snowsim.Inserted {
			_, early = c.Ticket(context.Background(), kind, change.SysID)
		}
	})
	id, err := s.As(seed.PersonSysID("E1005")).Order(snowsim.Order{Item: "Leaver", Variables: map[string]string{"email": "gone@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	if !fault.Is[*fault.Unavailable](early) {
		t.Errorf("before the variables were there: %v", early)
	}
	ticket, err := c.Ticket(t.Context(), kind, id)
	if err != nil || ticket.Value("email") != "gone@example.com" || ticket.Value("requested_by") != seed.PersonSysID("E1005") {
		t.Errorf("%+v %v", ticket, err)
	}
	found := 0
	for _, err := range c.OpenTickets(t.Context(), kind) {
		if err != nil {
			t.Fatal(err)
		}
		found++
	}
	if found != 1 {
		t.Errorf("%d open tickets", found)
	}
}
