package accessreview

import (
	"fmt"
	"slices"
	"strings"

	"lifecycle/shared/fault"
	"lifecycle/shared/report"
)

// Scope says whom and what a review is about. The zero value is everybody and
// everything; several members narrow it down together.
type Scope struct {
	// Departments are those of the people, as Okta's profile names them.
	Departments []string `json:"departments,omitempty"`
	// Groups and Apps are names or Okta ids. With any of them the review is about
	// what people hold of these, and reads no others but those that are
	// incompatible with them.
	Groups []string `json:"groups,omitempty"`
	Apps   []string `json:"apps,omitempty"`
	// Risk leaves out findings below it: critical, high, medium or low.
	Risk report.Risk `json:"risk,omitempty"`
}

// risks from the highest to the lowest.
var risks = []report.Risk{report.Critical, report.High, report.Medium, report.Low}

// Check refuses a scope that cannot be meant.
func (s Scope) Check() error {
	var problems []string
	if s.Risk != "" && !slices.Contains(risks, s.Risk) {
		problems = append(problems, fmt.Sprintf("The risk %q is none of %v.", s.Risk, risks))
	}
	for _, list := range [][]string{s.Departments, s.Groups, s.Apps} {
		for _, one := range list {
			if strings.TrimSpace(one) == "" {
				problems = append(problems, "A name in the scope is empty.")
			}
		}
	}
	if len(problems) > 0 {
		return &fault.Invalid{Message: "the scope of the access review cannot be used", Problems: problems}
	}
	return nil
}

// named reports whether the review is about certain groups or apps only.
func (s Scope) named() bool { return len(s.Groups)+len(s.Apps) > 0 }

// String is the scope in words.
func (s Scope) String() string {
	about := "everybody"
	if len(s.Departments) > 0 {
		about = "people of " + strings.Join(s.Departments, ", ")
	}
	var held []string
	if len(s.Groups) > 0 {
		held = append(held, "the groups "+strings.Join(s.Groups, ", "))
	}
	if len(s.Apps) > 0 {
		held = append(held, "the apps "+strings.Join(s.Apps, ", "))
	}
	if len(held) > 0 {
		about += ", " + strings.Join(held, " and ")
	}
	if s.Risk != "" && s.Risk != report.Low {
		about += ", risk " + string(s.Risk) + " or higher"
	}
	return about
}

// key is the same for reviews that can be compared with each other.
func (s Scope) key() string {
	sorted := func(list []string) string {
		folded := make([]string, len(list))
		for i, one := range list {
			folded[i] = fold(one)
		}
		slices.Sort(folded)
		return strings.Join(folded, ",")
	}
	return short(sorted(s.Departments), sorted(s.Groups), sorted(s.Apps), string(s.Risk))
}

// covers reports whether an entitlement is what the review is about.
func (s Scope) covers(kind, id, name string) bool {
	if !s.named() {
		return true
	}
	list := s.Groups
	if kind == report.App {
		list = s.Apps
	}
	return slices.ContainsFunc(list, func(one string) bool { return one == id || fold(one) == fold(name) })
}

// includes reports whether somebody of that department is meant.
func (s Scope) includes(department string) bool {
	return len(s.Departments) == 0 || slices.ContainsFunc(s.Departments, func(one string) bool { return fold(one) == fold(department) })
}

// reaches reports whether a finding of that risk is risky enough.
func (s Scope) reaches(r report.Risk) bool {
	return s.Risk == "" || slices.Index(risks, r) <= slices.Index(risks, s.Risk)
}

// fold is a name in the form in which names are compared.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
