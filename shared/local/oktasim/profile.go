package oktasim

import (
	"maps"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"
)

// base is Okta's default profile (spec, schema UserProfile).
var base = []string{
	"login", "email", "firstName", "lastName", "middleName", "honorificPrefix", "honorificSuffix", "title",
	"displayName", "nickName", "profileUrl", "secondEmail", "mobilePhone", "primaryPhone", "streetAddress", "city",
	"state", "zipCode", "countryCode", "postalAddress", "preferredLanguage", "locale", "timezone", "userType",
	"employeeNumber", "costCenter", "organization", "division", "department", "managerId", "manager",
}

// lengths are the limits of the base profile (spec, schema UserProfile):
// characters, least and most.
var lengths = map[string][2]int{
	"login": {5, 100}, "email": {5, 100}, "firstName": {1, 50}, "lastName": {1, 50}, "city": {0, 128},
	"state": {0, 128}, "zipCode": {0, 50}, "countryCode": {0, 2}, "mobilePhone": {0, 100}, "primaryPhone": {0, 100},
	"streetAddress": {0, 1024}, "postalAddress": {0, 4096}, "secondEmail": {0, 100},
}

// merge lays a partial update over a profile.
func merge(old, update map[string]any) map[string]any {
	merged := maps.Clone(old)
	maps.Copy(merged, update)
	return merged
}

// checkProfile validates the whole profile that u (nil: a new user) is to have
// and returns it without nulls. All problems come in one answer; the summary
// names the first field, as Okta's does.
func (s *Sim) checkProfile(u *user, given map[string]any) (map[string]any, *Error) {
	profile := map[string]any{}
	var fields, causes []string
	complain := func(field, problem string) {
		fields, causes = append(fields, field), append(causes, field+": "+problem)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		value := given[name]
		custom := slices.Contains(s.options.Attributes, name)
		text, isText := value.(string)
		switch {
		case !custom && !slices.Contains(base, name):
			// That unknown attributes are refused is Okta's behaviour; the
			// wording is unconfirmed.
			complain(name, "Property name is not defined in the user schema")
		case value == nil:
		case !custom && !isText:
			complain(name, "must be a string")
		case isText && outside(lengths, name, text):
			complain(name, "The field has an invalid length")
		default:
			profile[name] = value
		}
	}
	for _, name := range []string{"login", "email", "firstName", "lastName"} {
		if text(profile, name) == "" && !slices.Contains(fields, name) {
			complain(name, "The field cannot be left blank")
		}
	}
	if login := text(profile, "login"); login != "" && !isAddress(login) {
		complain("login", "Username must be in the form of an email address")
	}
	if email := text(profile, "email"); email != "" && !isAddress(email) {
		complain("email", "Does not match required pattern")
	}
	if other := s.org.byLogin[strings.ToLower(text(profile, "login"))]; other != nil && other != u {
		complain("login", "An object with this field already exists in the current organization")
	}
	if len(causes) > 0 {
		return nil, invalid(fields[0], causes...)
	}
	return profile, nil
}

func outside(limits map[string][2]int, name, text string) bool {
	limit, limited := limits[name]
	n := utf8.RuneCountInString(text)
	return limited && text != "" && (n < limit[0] || n > limit[1])
}

func isAddress(text string) bool {
	parsed, err := mail.ParseAddress(text)
	return err == nil && parsed.Address == text && strings.Contains(text[strings.LastIndex(text, "@"):], ".")
}
