package servicenow

import (
	"slices"
	"strings"
	"testing"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

func TestCredentialResetTickets(t *testing.T) {
	t.Parallel()
	inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
		id, err := b.sim.As("nina.kovacs@example.com").Insert("incident", map[string]string{
			"u_kind": "credential_reset", "u_reset_type": "mfa", "u_email": "nina.kovacs@example.com", "u_employee_number": "E1019",
			"u_factor": "push", "u_identity_proof": "video call, VC-1", "caller_id": seed.PersonSysID("E1020"),
			"opened_by": seed.PersonSysID("E1020"), "sys_created_by": "somebody.else@example.com",
		})
		if err != nil {
			t.Fatal(err)
		}
		ticket, err := b.client.Ticket(b.ctx, CredentialResetKind(), id)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"reset_type": "mfa", "email": "nina.kovacs@example.com", "employee_number": "E1019", "factor": "push",
			"identity_proof": "video call, VC-1", "caller": seed.PersonSysID("E1020"),
			// What nobody can write tells who asks.
			"created_by": "nina.kovacs@example.com",
		} {
			if got := ticket.Value(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if ticket.OpenedBy != seed.PersonSysID("E1020") {
			t.Errorf("opened by %s", ticket.OpenedBy)
		}
	})
}

func TestDossiers(t *testing.T) {
	t.Parallel()
	nina := Person{SysID: seed.PersonSysID("E1019"), Email: "nina.kovacs@example.com", EmployeeNumber: "E1019"}
	security := Dossier{Table: "sn_si_incident", Query: "active=true", ByID: []string{"affected_user", "caller"}}
	incidents := Dossier{Table: "incident", Query: "u_kind=x^stateNOT IN6,7,8", ByID: []string{"caller_id"}, ByEmail: []string{"u_email"}, ByNumber: []string{"u_employee_number"}}
	about := func(t *testing.T, b *testBundle, d Dossier) []string {
		t.Helper()
		found, err := b.client.About(b.ctx, d, nina)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}

	t.Run("name a person by sys_id, address or number, each record once", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			if got := about(t, b, incidents); len(got) != 0 {
				t.Errorf("found %v", got)
			}
			want := make([]string, 0, 3)
			for _, values := range []map[string]string{
				{"caller_id": nina.SysID, "u_email": nina.Email, "u_employee_number": nina.EmployeeNumber},
				{"u_email": "Nina.Kovacs@example.com"}, {"u_employee_number": "E1019"},
			} {
				values["u_kind"] = "x"
				want = append(want, b.sim.Record("incident", b.sim.Insert("incident", values))["number"])
			}
			b.sim.Insert("incident", map[string]string{"u_kind": "x", "u_employee_number": "E1020"})
			b.sim.Insert("incident", map[string]string{"u_kind": "other", "u_employee_number": "E1019"})
			b.sim.Insert("incident", map[string]string{"u_kind": "x", "u_employee_number": "E1019", "state": "8"})
			if got := about(t, b, incidents); !slices.Equal(got, want) {
				t.Errorf("found %v, want %v", got, want)
			}
		})
	})

	t.Run("of a plugin that is off are empty", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			if got := about(t, b, security); len(got) != 0 {
				t.Errorf("found %v", got)
			}
		})
	})

	t.Run("of a plugin that is on are read, closed records apart", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{SecurityIncidents: true}, func(t *testing.T, b *testBundle) {
			id := b.sim.Insert("sn_si_incident", map[string]string{"affected_user": nina.SysID})
			if got := about(t, b, security); len(got) != 1 || !strings.HasPrefix(got[0], "SIR") {
				t.Errorf("found %v", got)
			}
			b.sim.Update("sn_si_incident", id, map[string]string{"state": "3", "close_code": "Threat mitigated", "close_notes": "Done"})
			if got := about(t, b, security); len(got) != 0 {
				t.Errorf("found %v", got)
			}
		})
	})

	t.Run("of which access rules hide records say so rather than that there are none", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.sim.Insert("incident", map[string]string{"u_kind": "x", "u_employee_number": "E1019"})
			b.sim.Restrict(snowsim.Rule{Table: "incident", Operation: "read", Roles: []string{"sn_si.analyst"}})
			if found, err := b.client.About(b.ctx, incidents, nina); !fault.Is[*fault.Denied](err) {
				t.Errorf("found %v, %v", found, err)
			}
		})
	})

	t.Run("with a column that does not exist are a mistake rather than empty", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.sim.Insert("incident", map[string]string{"u_kind": "x"})
			if found, err := b.client.About(b.ctx, Dossier{Table: "incident", Query: "u_kind=x", ByID: []string{"affected"}}, nina); !fault.Is[*fault.Invalid](err) {
				t.Errorf("found %v, %v", found, err)
			}
		})
	})

	for name, wrong := range map[string]Dossier{
		"a table that is none":     {Table: "Incident;", Query: "active=true", ByID: []string{"caller_id"}},
		"no column":                {Table: "incident", Query: "active=true"},
		"a column that is none":    {Table: "incident", Query: "active=true", ByEmail: []string{"u_email^ORactive=true"}},
		"a query that cannot hold": {Table: "incident", Query: "active=true^ORactive=false", ByID: []string{"caller_id"}},
	} {
		t.Run("are refused with "+name, func(t *testing.T) {
			t.Parallel()
			if problems := wrong.Check(); len(problems) != 1 {
				t.Errorf("problems: %q", problems)
			}
		})
	}
	if problems := append(security.Check(), incidents.Check()...); len(problems) != 0 {
		t.Errorf("problems: %q", problems)
	}
}
