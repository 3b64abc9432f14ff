package statesync

import (
	"strings"
	"testing"

	"lifecycle/shared/fault"
)

func TestPolicies(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct{ document, wants string }{
		"an owner is replaced":                   {`{"attributes":{"title":"okta"}}`, ""},
		"a list is replaced as a whole":          {`{"repair":[]}`, ""},
		"nothing changes nothing":                {" ", ""},
		"an attribute that does not exist":       {`{"attributes":{"shoe_size":"okta"}}`, `"shoe_size" is not known`},
		"an owner that does not exist":           {`{"attributes":{"title":"hr"}}`, `the owner of title is "hr"`},
		"active cannot be ServiceNow's":          {`{"attributes":{"active":"servicenow"}}`, "active cannot belong to servicenow"},
		"a kind of drift that nobody can repair": {`{"repair":["missing_in_okta"]}`, `"missing_in_okta" cannot be repaired`},
		"a member that does not exist":           {`{"repairs":[]}`, "is not a JSON object"},
		"two documents":                          {`{} {}`, "is not a JSON object"},
		"no object":                              {`[]`, "is not a JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := ParsePolicy([]byte(one.document))
			if one.wants == "" {
				if err != nil || p.owner("email") != Okta || p.owner("nickname") != Ignore {
					t.Fatalf("%+v, %v", p, err)
				}
				return
			}
			if !fault.Is[*fault.Invalid](err) || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(one.wants)) {
				t.Errorf("%v, want %q", err, one.wants)
			}
		})
	}
	p, err := ParsePolicy([]byte(`{"attributes":{"title":"ignore","active":"report"},"repair":["locked"],"exempt":["a"]}`))
	if err != nil || p.owner("title") != Ignore || p.owner(activeFlag) != Report || len(p.Repair) != 1 || len(p.Exempt) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	if d := DefaultPolicy(); d.owner("title") != ServiceNow || d.owner(activeFlag) != Okta {
		t.Errorf("a policy changed the default: %+v", d)
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(`{"attributes":{"title":"okta"},"repair":["locked"],"exempt":["x"]}`))
	f.Add([]byte(`{"attributes":null}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		p, err := ParsePolicy(document)
		if err == nil && (len(p.problems()) > 0 || p.Attributes == nil) {
			t.Errorf("accepted %q as %+v", document, p)
		}
	})
}
