package oktasim_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

func person(changes map[string]any) map[string]any {
	profile := map[string]any{
		"login": "ada.byron@example.com", "email": "ada.byron@example.com", "firstName": "Ada", "lastName": "Byron",
		"employeeNumber": "E2001", "city": "Tokyo",
	}
	for name, value := range changes {
		profile[name] = value
		if value == nil {
			delete(profile, name)
		}
	}
	return map[string]any{"profile": profile}
}

func TestCreation(t *testing.T) {
	t.Parallel()

	t.Run("without activation leaves a STAGED account that can be read by id and login, in Everyone only", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		id, _ := c.post("/api/v1/users?activate=false", person(nil)).want(200).object()["id"].(string)
		if user := c.get(users("ADA.byron@example.com")).want(200).object(); user["id"] != id || user["status"] != oktasim.Staged {
			t.Errorf("%v", user)
		}
		got := c.get(users(id, "groups")).want(200).column("type")
		if !slices.Equal(got, []string{seed.BuiltIn}) || len(c.sim.Mailbox()) != 0 {
			t.Errorf("groups %v, mails %v", got, c.sim.Mailbox())
		}
	})

	t.Run("activates unless told otherwise", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		if got := c.post("/api/v1/users", person(nil)).want(200).object()["status"]; got != oktasim.Provisioned {
			t.Error(got)
		}
	})

	t.Run("with a password makes an ACTIVE account, or one whose password has expired", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		body := person(nil)
		body["credentials"] = map[string]any{"password": map[string]any{"value": "correct horse battery"}}
		if got := c.post("/api/v1/users", body).want(200).object()["status"]; got != oktasim.Active {
			t.Error(got)
		}
		other := person(map[string]any{"login": "ada2@example.com"})
		other["credentials"] = body["credentials"]
		if got := c.post("/api/v1/users?activate=true&nextLogin=changePassword", other).want(200).object()["status"]; got != oktasim.PasswordExpired {
			t.Error(got)
		}
	})

	t.Run("adds groups with their apps, and those that rules give", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		body := person(map[string]any{"city": "London"})
		body["groupIds"] = []string{seed.GroupID("Salesforce Users")}
		id, _ := c.post("/api/v1/users?activate=false", body).want(200).object()["id"].(string)
		got := c.account(id)
		if !got.In(seed.GroupID("Salesforce Users")) || !got.In(seed.GroupID("Location London")) || !got.Has(seed.AppID(seed.AppSalesforce)) {
			t.Errorf("%+v", got)
		}
	})
}

func TestRefusedCreation(t *testing.T) {
	t.Parallel()
	taken := person(map[string]any{"login": "Anna.Schmidt@example.com"})
	many := person(nil)
	many["groupIds"] = slices.Repeat([]string{seed.GroupID("Sales")}, 21)
	everyone := person(nil)
	everyone["groupIds"] = []string{seed.GroupID("Everyone")}
	typed := person(nil)
	typed["type"] = map[string]any{"id": "other"}
	for _, tc := range []struct {
		name   string
		query  string
		body   any
		status int
		code   string
		says   string
	}{
		{"a login that is taken, in any case", "", taken, 400, "E0000001", "login: An object with this field already exists in the current organization"},
		{"no last name", "", person(map[string]any{"lastName": nil}), 400, "E0000001", "lastName: The field cannot be left blank"},
		{"a login that is no address", "", person(map[string]any{"login": "ada.byron"}), 400, "E0000001", "login: Username must be in the form of an email address"},
		{"an unknown attribute", "", person(map[string]any{"shoeSize": "39"}), 400, "E0000001", "shoeSize: Property name is not defined in the user schema"},
		{"a name that is too long", "", person(map[string]any{"firstName": strings.Repeat("a", 51)}), 400, "E0000001", "firstName: The field has an invalid length"},
		{"a number where text belongs", "", person(map[string]any{"title": 7}), 400, "E0000001", "title: must be a string"},
		{"too many groups", "", many, 400, "E0000093", ""},
		{"the built-in group", "", everyone, 501, "E0000060", ""},
		{"a user type", "", typed, 400, "E0000001", "not simulated"},
		{"an expired password without a password", "?nextLogin=changePassword", person(nil), 400, "E0000124", ""},
		{"an expired password of an inactive account", "?activate=false&nextLogin=changePassword", person(nil), 400, "E0000125", ""},
		{"an unknown parameter", "?sendEmail=true", person(nil), 400, "E0000001", "not simulated"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, oktasim.Options{})
			before := len(c.sim.Accounts())
			answer := c.post("/api/v1/users"+tc.query, tc.body).want(tc.status, tc.code)
			if !strings.Contains(string(answer.Body), tc.says) {
				t.Errorf("%s does not say %q", answer.Body, tc.says)
			}
			if got := len(c.sim.Accounts()); got != before {
				t.Errorf("%d accounts, before %d", got, before)
			}
		})
	}

	t.Run("a body that is no JSON", func(t *testing.T) {
		t.Parallel()
		newClient(t, oktasim.Options{}).post("/api/v1/users", "text").want(400, "E0000003")
	})
	t.Run("a custom attribute is fine once the org has it", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{Attributes: []string{"shoeSize"}})
		c.post("/api/v1/users", person(map[string]any{"shoeSize": 39})).want(200)
	})
}

func TestProfileChange(t *testing.T) {
	t.Parallel()
	anna := seed.PersonOktaID(seed.NumberNamesake)

	t.Run("by POST leaves the rest, by PUT deletes it", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		c.post(users(anna), map[string]any{"profile": map[string]any{"title": "Principal Engineer", "costCenter": nil}}).want(200)
		if got := c.account(anna).Profile; got["title"] != "Principal Engineer" || got["department"] != "Engineering" {
			t.Errorf("%v", got)
		}
		c.put(users(anna), map[string]any{"profile": map[string]any{
			"login": "anna.schmidt@example.com", "email": "anna.schmidt@example.com", "firstName": "Anna", "lastName": "Schmidt",
		}}).want(200)
		if got := c.account(anna).Profile; len(got) != 4 {
			t.Errorf("%v", got)
		}
	})

	t.Run("moves rule-made memberships", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		c.post(users(anna), map[string]any{"profile": map[string]any{"city": "London"}}).want(200)
		if got := c.account(anna); got.In(seed.GroupID("Location Berlin")) || !got.In(seed.GroupID("Location London")) {
			t.Errorf("%+v", got.Groups)
		}
	})

	t.Run("frees the old login and takes the new", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		c.post(users(anna), map[string]any{"profile": map[string]any{"login": "anna.kaiser@example.com"}}).want(200)
		c.get(users("anna.schmidt@example.com")).want(404, "E0000007")
		c.get(users("anna.kaiser@example.com")).want(200)
		c.post(users(seed.PersonOktaID("E1013")), map[string]any{"profile": map[string]any{"login": "anna.kaiser@example.com"}}).want(400, "E0000001")
	})

	t.Run("of a former employee is refused unless the org allows it", func(t *testing.T) {
		t.Parallel()
		former, change := users(seed.PersonOktaID(seed.NumberFormer)), map[string]any{"profile": map[string]any{"title": "Engineer"}}
		newClient(t, oktasim.Options{}).post(former, change).want(403, "E0000038")
		newClient(t, oktasim.Options{EditDeactivated: true}).post(former, change).want(200)
	})

	t.Run("sets no password", func(t *testing.T) {
		t.Parallel()
		body := map[string]any{"credentials": map[string]any{"password": map[string]any{"value": "correct horse battery"}}}
		newClient(t, oktasim.Options{}).post(users(anna), body).want(400, "E0000001")
	})
}

func TestListOfUsers(t *testing.T) {
	t.Parallel()

	t.Run("leaves out DEPROVISIONED, in pages linked by opaque cursors", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		all, pages := c.pages("/api/v1/users?limit=10")
		if len(all) != 49 || pages != 5 {
			t.Errorf("%d users on %d pages", len(all), pages)
		}
		seen := map[any]bool{}
		for _, user := range all {
			if seen[user["id"]] || user["status"] == oktasim.Deprovisioned {
				t.Errorf("twice or deprovisioned: %v", user["id"])
			}
			seen[user["id"]] = true
		}
	})

	t.Run("neither repeats nor skips anyone when people come and go between pages", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		first := c.get("/api/v1/users?limit=20").want(200)
		for _, id := range first.column("id")[:15] {
			if err := c.sim.DeleteUser(id); err != nil {
				t.Fatal(err)
			}
		}
		c.hire(oktasim.Active)
		rest, _ := c.pages(first.next())
		if len(rest) != 30 {
			t.Errorf("%d on the later pages, want 29 and the new one", len(rest))
		}
	})

	t.Run("shows DEPROVISIONED to a filter or search that asks", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		for _, name := range []string{"filter", "search"} {
			got := c.get(query("/api/v1/users", name, `status eq "DEPROVISIONED"`)).want(200).column("id")
			if !slices.Equal(got, []string{seed.PersonOktaID(seed.NumberFormer)}) {
				t.Errorf("%s: %v", name, got)
			}
		}
	})

	t.Run("finds by the beginning of a name, on one page", func(t *testing.T) {
		t.Parallel()
		answer := newClient(t, oktasim.Options{}).get("/api/v1/users?q=ann&limit=1").want(200)
		if len(answer.list()) != 1 || answer.next() != "" {
			t.Errorf("%d, next %q", len(answer.list()), answer.next())
		}
	})

	for _, tc := range []struct {
		name, query, code string
	}{
		{"a page that is too large", "limit=201", "E0000001"},
		{"an invented cursor", "after=1234", "E0000001"},
		{"search and filter at once", query("", "search", `status eq "ACTIVE"`, "filter", `status eq "ACTIVE"`)[1:], "E0000033"},
		{"a filter on any attribute", query("", "filter", `profile.department eq "Sales"`)[1:], "E0000031"},
		{"ne in a search", query("", "search", `profile.department ne "Sales"`)[1:], "E0000031"},
		{"not in a search", query("", "search", `not (status eq "ACTIVE")`)[1:], "E0000031"},
		{"co in a search on other attributes than names", query("", "search", `profile.title co "Eng"`)[1:], "E0000031"},
		{"a search with an unquoted value", query("", "search", `status eq ACTIVE`)[1:], "E0000031"},
		{"sorting", "sortBy=id", "E0000001"},
	} {
		t.Run("refuses "+tc.name, func(t *testing.T) {
			t.Parallel()
			newClient(t, oktasim.Options{}).get("/api/v1/users?"+tc.query).want(400, tc.code)
		})
	}

	t.Run("compares without case in a search, with case in a filter", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		for name, want := range map[string]int{"search": 1, "filter": 0} {
			got := c.get(query("/api/v1/users", name, `profile.login eq "ANNA.SCHMIDT@example.com"`)).want(200).list()
			if len(got) != want {
				t.Errorf("%s finds %d", name, len(got))
			}
		}
	})
}

func TestSearchLag(t *testing.T) {
	t.Parallel()
	byNumber := query("/api/v1/users", "search", `profile.employeeNumber eq "E2001"`)

	t.Run("hides a new user until it is over, while reads by id and login see them", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{SearchLag: 10 * time.Second})
			id, _ := c.post("/api/v1/users?activate=false", person(nil)).want(200).object()["id"].(string)
			c.get(users(id)).want(200)
			c.get(users("ada.byron@example.com")).want(200)
			if got := c.get(byNumber).want(200).list(); len(got) != 0 {
				t.Error("search sees the user at once")
			}
			time.Sleep(10 * time.Second)
			if got := c.get(byNumber).want(200).column("id"); !slices.Equal(got, []string{id}) {
				t.Errorf("%v", got)
			}
		})
	})

	t.Run("shows what was, by its old values too", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{SearchLag: 10 * time.Second})
			anna := seed.PersonOktaID(seed.NumberNamesake)
			c.lifecycle(anna, "deactivate").want(200)
			c.post(users(seed.PersonOktaID("E1013")), map[string]any{"profile": map[string]any{"employeeNumber": "E2001"}}).want(200)
			stale := c.get(query("/api/v1/users", "search", `profile.employeeNumber eq "E1012" or profile.employeeNumber eq "E1013"`)).want(200)
			if got := stale.column("status"); !slices.Equal(got, []string{oktasim.Active, oktasim.Active}) {
				t.Errorf("%v", got)
			}
			if got := c.get(byNumber).want(200).list(); len(got) != 0 {
				t.Error("search knows the new number already")
			}
			if got := c.get(query("/api/v1/users", "search", `profile.employeeNumber eq "E1013"`)).want(200).list(); len(got) != 1 {
				t.Error("search does not know the old number any more")
			}
			time.Sleep(10 * time.Second)
			if got := c.get(query("/api/v1/users", "search", `id eq "`+anna+`"`)).want(200).column("status"); !slices.Equal(got, []string{oktasim.Deprovisioned}) {
				t.Errorf("%v", got)
			}
			if got := c.get(byNumber).want(200).column("id"); !slices.Equal(got, []string{seed.PersonOktaID("E1013")}) {
				t.Errorf("%v", got)
			}
		})
	})
}
