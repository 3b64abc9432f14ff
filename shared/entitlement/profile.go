package entitlement

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Profile is what the rules know of a person.
type Profile struct {
	Department string
	Title      string
	// Role is the role that a ticket asks for. Okta's profile does not keep it:
	// a rule that reads it decides differently when the same person is looked at
	// again without the ticket.
	Role         string
	Location     string
	EmployeeType string
	// Manager is the manager's employee number.
	Manager string
}

// field numbers the attributes of a profile.
type field int

const (
	title field = iota
	department
	location
	employeeType
	role
	manager
	fields // how many there are
)

// fieldNames are the attributes' names in the document.
var fieldNames = [fields]string{"title", "department", "location", "employeeType", "role", "manager"}

// phrases turn an attribute into words: standing first, and after another one.
var phrases = [fields]struct{ first, next string }{
	{"title", "with title"},
	{"department", "in department"},
	{"location", "at location"},
	{"employee type", "of employee type"},
	{"role", "with role"},
	{"manager", "reporting to"},
}

func (f field) String() string { return fieldNames[f] }

func fieldNamed(name string) (field, bool) {
	i := slices.Index(fieldNames[:], name)
	return field(i), i >= 0
}

// values are a profile's attributes, or a row's, by field.
type values [fields]string

func (p Profile) values() values {
	return values{
		title: p.Title, department: p.Department, location: p.Location,
		employeeType: p.EmployeeType, role: p.Role, manager: p.Manager,
	}
}

// folded are the values in the form in which they are compared.
func (v values) folded() values {
	for i := range v {
		v[i] = fold(v[i])
	}
	return v
}

// words tells the attributes in fs that are not empty:
// `title "Engineer" in department "Engineering"`.
func (v values) words(fs []field) string {
	var parts []string
	for f := range fields {
		if !slices.Contains(fs, f) || strings.TrimSpace(v[f]) == "" {
			continue
		}
		name := phrases[f].first
		if len(parts) > 0 {
			name = phrases[f].next
		}
		parts = append(parts, fmt.Sprintf("%s %q", name, shortened(v[f])))
	}
	return strings.Join(parts, " ")
}

const longestValue = 100 // characters of a value that a message repeats

// shortened is s as a message may repeat it: what stands in a ticket is not ours
// to trust.
func shortened(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if utf8.RuneCountInString(s) <= longestValue {
		return s
	}
	return string([]rune(s)[:longestValue]) + "..."
}

// fold brings a value into the form in which values are compared: lower case,
// single spaces, none at the ends, composed characters.
func fold(s string) string {
	if isFolded(s) {
		return s
	}
	return foldSlowly(s)
}

func foldSlowly(s string) string { return strings.Join(strings.Fields(foldCase(s)), " ") }

// foldCase is fold without touching spaces: for the constant of `title contains
// " of "`.
func foldCase(s string) string {
	return norm.NFC.String(strings.ToLower(norm.NFC.String(s)))
}

// isFolded is the cheap way out for what is plain lower case already.
func isFolded(s string) bool {
	space := true
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf || c < ' ' || c >= 'A' && c <= 'Z' || c == ' ' && space {
			return false
		}
		space = c == ' '
	}
	return s == "" || !space
}
