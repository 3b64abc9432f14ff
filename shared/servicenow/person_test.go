package servicenow

import (
	"slices"
	"testing"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

func TestPeople(t *testing.T) {
	t.Parallel()
	nina := seed.PersonSysID("E1019") // nina.kovacs@example.com

	t.Run("are found by sys_id, number, address and login", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			want := Person{
				SysID: nina, UserName: "nina.kovacs@example.com", EmployeeNumber: "E1019", Email: "nina.kovacs@example.com",
				Active: true, TimeZone: "Europe/Berlin", Manager: seed.PersonSysID("E1003"),
			}
			for name, find := range map[string]func() (Person, error){
				"sys_id":  func() (Person, error) { return b.client.PersonBySysID(b.ctx, nina) },
				"number":  func() (Person, error) { return b.client.PersonByEmployeeNumber(b.ctx, "E1019") },
				"address": func() (Person, error) { return b.client.PersonByEmail(b.ctx, "Nina.Kovacs@example.com") },
				"login":   func() (Person, error) { return b.client.PersonByUserName(b.ctx, "nina.kovacs@example.com") },
			} {
				if p, err := find(); err != nil || p != want {
					t.Errorf("by %s: %+v, %v", name, p, err)
				}
			}
		})
	})

	t.Run("who have left are inactive and locked out", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			if p, err := b.client.PersonByEmployeeNumber(b.ctx, seed.NumberFormer); err != nil || p.Active || !p.LockedOut {
				t.Errorf("%+v, %v", p, err)
			}
		})
	})

	t.Run("whom nobody knows are not found", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			for _, err := range []error{
				second(b.client.PersonBySysID(b.ctx, seed.SysID("nobody"))), second(b.client.PersonBySysID(b.ctx, "Lena Vogel")),
				second(b.client.PersonBySysID(b.ctx, "../sys_user_group")), second(b.client.PersonByEmployeeNumber(b.ctx, "E9999")),
				second(b.client.PersonByEmail(b.ctx, "nobody@example.com")), second(b.client.PersonByUserName(b.ctx, "system")),
			} {
				if !fault.Is[*fault.NotFound](err) {
					t.Errorf("got %v", err)
				}
			}
		})
	})

	t.Run("two with the same number are for a person to tell apart", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.sim.Insert("sys_user", map[string]string{"user_name": "double", "employee_number": "E1019"})
			if _, err := b.client.PersonByEmployeeNumber(b.ctx, "E1019"); !fault.Is[*fault.Invalid](err) {
				t.Errorf("got %v", err)
			}
		})
	})

	t.Run("an address with an accent more is somebody else's, although the database holds them equal", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			other := b.sim.Insert("sys_user", map[string]string{"user_name": "other", "email": "nina.kovács@example.com"})
			if p, err := b.client.PersonByEmail(b.ctx, "nina.kovacs@example.com"); err != nil || p.SysID != nina {
				t.Errorf("%s, %v", p.SysID, err)
			}
			if p, err := b.client.PersonByEmail(b.ctx, "nina.kovács@example.com"); err != nil || p.SysID != other {
				t.Errorf("%s, %v", p.SysID, err)
			}
		})
	})

	t.Run("a value that would change the query never reaches the instance", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			for _, value := range []string{"x^ORactive=true", "x^NQactive=true", "javascript:gs.getUserID()", "", " "} {
				if _, err := b.client.PersonByEmail(b.ctx, value); !fault.Is[*fault.Invalid](err) {
					t.Errorf("%q: %v", value, err)
				}
			}
			if calls := b.sim.Calls(); len(calls) > 0 {
				t.Errorf("%d calls", len(calls))
			}
		})
	})
}

func second[T any](_ T, err error) error { return err }

func TestGroups(t *testing.T) {
	t.Parallel()

	t.Run("are found by name; none and two are told apart", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			if id, err := b.client.GroupSysID(b.ctx, snowsim.GroupSecurity); err != nil || id != snowsim.GroupSysID(snowsim.GroupSecurity) {
				t.Errorf("%s, %v", id, err)
			}
			if _, err := b.client.GroupSysID(b.ctx, "No such group"); !fault.Is[*fault.NotFound](err) {
				t.Errorf("got %v", err)
			}
			b.sim.Insert("sys_user_group", map[string]string{"name": snowsim.GroupSecurity})
			if _, err := b.client.GroupSysID(b.ctx, snowsim.GroupSecurity); !fault.Is[*fault.Invalid](err) {
				t.Errorf("got %v", err)
			}
		})
	})

	t.Run("have the members who can sign in, each once", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			group := snowsim.GroupSysID(snowsim.GroupHR)
			b.sim.Insert("sys_user_grmember", map[string]string{"group": group, "user": seed.PersonSysID("E1028")}) // once more
			b.sim.Insert("sys_user_grmember", map[string]string{"group": group, "user": seed.SysID("deleted")})
			b.sim.Update("sys_user", seed.PersonSysID("E1029"), map[string]string{"locked_out": "true"})
			want := []string{seed.PersonSysID("E1005"), seed.PersonSysID("E1028"), seed.PersonSysID("E1030")}
			slices.Sort(want)
			if got, err := b.client.GroupMembers(b.ctx, group); err != nil || !slices.Equal(got, want) {
				t.Errorf("%v, want %v, %v", got, want, err)
			}
			if got, err := b.client.GroupMembers(b.ctx, seed.SysID("no such group")); err != nil || len(got) > 0 {
				t.Errorf("%v, %v", got, err)
			}
		})
	})
}
