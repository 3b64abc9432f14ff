package servicenow

import (
	"strings"
	"testing"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

func TestCreateTask(t *testing.T) {
	t.Parallel()
	task := NewTask{Table: "sc_task", Key: "recertification/00u1/abc", Values: map[string]string{
		"correlation_display": RecertificationMark, "short_description": "May they keep it?", "assigned_to": seed.PersonSysID("E1010"),
	}}

	t.Run("makes the record once for a key, and says which it is ever after", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			first, err := b.client.CreateTask(b.ctx, task, because)
			if err != nil {
				t.Fatal(err)
			}
			again, err := b.client.CreateTask(b.ctx, task, because)
			if err != nil || again != first || !strings.HasPrefix(first.Number, "SCTASK") {
				t.Fatalf("%+v, %v, first %+v", again, err, first)
			}
			other := task
			other.Key += "d"
			if second, err := b.client.CreateTask(b.ctx, other, because); err != nil || second == first {
				t.Errorf("%+v, %v", second, err)
			}
			got, err := b.client.Ticket(b.ctx, RecertificationKind(), first.SysID)
			if err != nil || got.Phase != Open || got.Value("assigned_to") != seed.PersonSysID("E1010") || got.Value("correlation_id") != task.Key {
				t.Errorf("%+v, %v", got, err)
			}
		})
	})

	t.Run("keeps what it says out of the ledger", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			if _, err := b.client.CreateTask(b.ctx, task, because); err != nil {
				t.Fatal(err)
			}
			records, err := b.ledger.Stream(b.ctx, b.ticket.String())
			if err != nil || len(records) == 0 {
				t.Fatal(records, err)
			}
			for _, r := range records {
				if after, _ := r.After.(map[string]any); strings.Contains(strings.Join(texts(after), " "), "keep") {
					t.Errorf("%+v", r)
				}
			}
		})
	})

	t.Run("refuses what could not be found again", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			for _, key := range []string{"", "a^b", strings.Repeat("x", 101)} {
				if err := second(b.client.CreateTask(b.ctx, NewTask{Table: "sc_task", Key: key}, because)); !fault.Is[*fault.Invalid](err) {
					t.Errorf("%q: %v", key, err)
				}
			}
			b.sim.Restrict(snowsim.Rule{Table: "task", Operation: "write", Column: correlation, Roles: []string{"nobody"}})
			if err := second(b.client.CreateTask(b.ctx, task, because)); !fault.Is[*fault.Denied](err) {
				t.Errorf("got %v", err)
			}
		})
	})
}

func texts(values map[string]any) []string {
	var list []string
	for _, v := range values {
		if text, ok := v.(string); ok {
			list = append(list, text)
		}
	}
	return list
}

func TestRoleChangeKinds(t *testing.T) {
	t.Parallel()
	inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
		for _, k := range []Kind{RoleChangeKind(), RecertificationKind()} {
			o := override{kind: k}
			o.checkStates()
			if len(o.problems) > 0 {
				t.Errorf("%s: %q", k.Name, o.problems)
			}
		}
		id := b.sim.Insert("incident", map[string]string{
			"u_kind": "role_change", "u_employee_number": "E1019", "u_old_department": "Sales", "u_department": "Engineering", "u_effective_date": "2026-03-01",
		})
		if err := b.client.CheckStates(b.ctx, RoleChangeKind()); err != nil {
			t.Error(err)
		}
		got, err := b.client.Ticket(b.ctx, RoleChangeKind(), id)
		if err != nil || got.Value("old_department") != "Sales" || got.Value("department") != "Engineering" || got.Value("effective_date") != "2026-03-01" || got.Value("opened_at") == "" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
