package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifecycle/shared/local/seed"
)

const root = "../../.."

func TestExplain(t *testing.T) {
	t.Parallel()
	candidate := func(t *testing.T, change func(string) string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "rules.json")
		if err := os.WriteFile(path, []byte(change(string(seed.Rules()))), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rename := func(s string) string { return s }
	for name, c := range map[string]struct {
		flags func(t *testing.T) flags
		says  []string
		fails string
	}{
		"tells what a seller gets, and by which rule": {
			flags: func(*testing.T) flags { return flags{user: "nina.kovacs@example.com"} },
			says: []string{
				"Okta user " + seed.PersonOktaID("E1019") + ", ACTIVE", `Profile: title "Account Executive" in department "Sales"`, "group Salesforce Users: role seller",
				"Would get:\n  app Jira: role seller", "Would lose:\n  nothing", "Not managed: Domain Users, Location Berlin",
			},
		},
		"says whom processes leave alone": {
			flags: func(*testing.T) flags { return flags{user: "break-glass@example.com"} },
			says:  []string{"Protected, processes leave it alone: the break-glass account is the last way in"},
		},
		"knows nobody of that name": {
			flags: func(*testing.T) flags { return flags{user: "nobody@example.com"} }, fails: "Okta knows no such record",
		},
		"tells what a changed document would do": {
			flags: func(t *testing.T) flags {
				return flags{candidate: candidate(t, func(s string) string {
					return strings.Replace(s, `"groups": ["Sales"]}`, `"groups": ["Sales", "Zendesk Agents"]}`, 1)
				})}
			},
			says: []string{"over 49 people", "grants come, 0 go", "Given:\n  Zendesk Agents (group): 7 people, such as 00u", "\nPlan "},
		},
		"tells that nothing would change": {
			flags: func(t *testing.T) flags { return flags{candidate: candidate(t, rename)} }, says: []string{"0 would change; 0 grants come, 0 go"},
		},
		"refuses a document that cannot be used, and says where": {
			flags: func(t *testing.T) flags {
				return flags{candidate: candidate(t, func(s string) string { return strings.Replace(s, `"gives": ["seller"]`, `"gives": ["sellers"]`, 1) })}
			},
			fails: "/tables/1/rows/",
		},
		"asks who is meant": {flags: func(*testing.T) flags { return flags{} }, fails: "say who"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := c.flags(t)
			f.root = root
			var out bytes.Buffer
			err := run(t.Context(), f, &out)
			if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Fatalf("%v\n%s", err, out.String())
			}
			for _, part := range c.says {
				if !strings.Contains(out.String(), part) {
					t.Errorf("%q is missing in:\n%s", part, out.String())
				}
			}
		})
	}
}
