package securityalert

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/okta"
)

// links lead into both systems.
type links struct {
	admin      string // Okta's administration
	servicenow string
}

// newLinks works out where Okta's administration is: at the org's address with
// -admin, for orgs in Okta's own domains.
func newLinks(org, instance string) links {
	l := links{admin: strings.TrimRight(org, "/"), servicenow: strings.TrimRight(instance, "/")}
	parsed, err := url.Parse(l.admin)
	if err != nil {
		return l
	}
	name, domain, _ := strings.Cut(parsed.Hostname(), ".")
	if slices.Contains([]string{"okta.com", "oktapreview.com", "okta-emea.com", "okta-gov.com"}, domain) {
		l.admin = parsed.Scheme + "://" + name + "-admin." + domain
	}
	return l
}

func (l links) user(id string) string {
	return l.admin + "/admin/user/profile/view/" + url.PathEscape(id)
}

// log leads to the alert's events in the System Log.
func (l links) log(a alert) string {
	var terms []string
	for _, uuid := range a.Evidence[:min(5, len(a.Evidence))] {
		terms = append(terms, fmt.Sprintf("uuid eq %q", uuid))
	}
	from, until := a.First.Add(-time.Hour), a.Last.Add(time.Hour)
	return l.admin + "/report/system_log_2?" + url.Values{
		"search": {strings.Join(terms, " or ")}, "since": {from.Format(time.RFC3339)}, "until": {until.Format(time.RFC3339)},
	}.Encode()
}

func (l links) incident(i incident) string {
	return l.servicenow + "/nav_to.do?" + url.Values{"uri": {i.Table + ".do?sys_id=" + i.SysID}}.Encode()
}

// noteKey tells the notes of an episode apart.
func noteKey(a alert, parts ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%v", parts))
	return fmt.Sprintf("%s/%v/%s", a.subject().SysID, parts[0], hex.EncodeToString(sum[:6]))
}

// cut shortens a text to so many characters.
func cut(text string, most int) string {
	if long := []rune(text); len(long) > most {
		return string(long[:most-1]) + "…"
	}
	return text
}

const clock = "2006-01-02 15:04:05 UTC"

// title names the incident: what, and who or where.
func title(a alert, rules *detect.Rules, known map[string]string) string {
	title := "Suspicious activity in Okta"
	if r := leading(a, rules); r != nil {
		title = r.Title
	}
	switch p := a.foremost(); {
	case p != nil && known[p.ID] != "":
		title += ": " + known[p.ID]
	case p != nil && p.ID != "":
		title += ": Okta user " + p.ID
	case len(a.Addresses) == 1:
		title += fmt.Sprintf(": %s (%d accounts)", a.Addresses[0].IP, len(a.People))
	case len(a.Addresses) > 1:
		title += fmt.Sprintf(": %d addresses, %d accounts", len(a.Addresses), len(a.People))
	}
	return cut(title, mostTitle)
}

// digest stands for a text, to see whether it has been changed.
func digest(text string) string {
	sum := sha256.Sum256([]byte(strings.TrimSpace(text)))
	return hex.EncodeToString(sum[:8])
}

// mostShown is how many events a description shows; more are in the attachment.
const mostShown = 3

// description says what happened, who it was about, and what to do. portrait is
// that of the person whom the incident is about, when it is known.
func (s *Steps) description(a alert, rules *detect.Rules, events []okta.LogEvent, missing, portrait string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d events, %s to %s.\n", a.Count, a.First.Format(clock), a.Last.Format(clock))
	b.WriteString(where("Addresses", a.Addresses, a.Unlisted))
	if names := slices.Sorted(maps.Values(loginsOf(events))); len(names) > 0 {
		fmt.Fprintf(&b, "Accounts: %s\n", some(names, 20))
	}
	fmt.Fprintf(&b, "System Log: %s\n", s.links.log(a))
	if a.Previous != "" {
		fmt.Fprintf(&b, "The same was seen before: %s, which is closed.\n", a.Previous)
	}
	if late := time.Since(a.Last); late > 2*time.Hour {
		fmt.Fprintf(&b, "These events reached this system %s after they happened.\n", late.Round(time.Minute))
	}
	if portrait != "" {
		b.WriteString("\n" + portrait)
	}
	b.WriteString("\n")
	for _, e := range slices.Backward(events[max(0, len(events)-mostShown):]) {
		fmt.Fprintf(&b, "%s by %s: %s\n", e.Type, e.Actor.AlternateID, traits(e))
	}
	if missing != "" {
		fmt.Fprintf(&b, "The events themselves could not be read: %s.\n", missing)
	}
	for _, id := range a.Rules {
		r, known := rules.Rule(id)
		if !known {
			continue
		}
		fmt.Fprintf(&b, "\n%s [%s]\n%s\n", r.Title, r.ID, r.Description)
		for _, step := range r.Respond {
			fmt.Fprintf(&b, "- %s\n", step)
		}
		if len(r.Techniques) > 0 {
			fmt.Fprintf(&b, "MITRE ATT&CK %s\n", strings.Join(r.Techniques, ", "))
		}
	}
	fmt.Fprintf(&b, "\nRules %s", rules.Version())
	return cut(b.String(), mostDescription)
}

// some lists so many of a list and counts the rest.
func some(list []string, most int) string {
	text := strings.Join(list[:min(most, len(list))], ", ")
	if n := len(list) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// where lists addresses with their places.
func where(what string, list []address, more int) string {
	if len(list) == 0 {
		return ""
	}
	const most = 15
	parts := make([]string, 0, most)
	for _, a := range list[:min(most, len(list))] {
		part := a.IP
		if a.Place != "" {
			part += " (" + a.Place + ")"
		}
		parts = append(parts, part)
	}
	text := what + ": " + strings.Join(parts, ", ")
	if n := len(list) - most; n > 0 || more > 0 {
		text += fmt.Sprintf(" and %d more", max(n, 0)+more)
	}
	return text + "\n"
}

// newsNote tells what has come since the incident was last brought up to date.
func (s *Steps) newsNote(a alert, rules *detect.Rules) string {
	var b strings.Builder
	fmt.Fprintf(&b, "It goes on: %d more events, %d in all, the last at %s.\n", a.Count-a.Told.Count, a.Count, a.Last.Format(clock))
	for _, id := range a.Rules[min(a.Told.Rules, len(a.Rules)):] {
		if r, known := rules.Rule(id); known {
			fmt.Fprintf(&b, "New: %s [%s]. %s\n", r.Title, r.ID, r.Description)
			for _, step := range r.Respond {
				fmt.Fprintf(&b, "- %s\n", step)
			}
		}
	}
	if fresh := a.Addresses[min(a.Told.Addresses, len(a.Addresses)):]; len(fresh) > 0 {
		b.WriteString(where("New addresses", fresh, 0))
	}
	if n := len(a.People) - a.Told.People; n > 0 {
		fmt.Fprintf(&b, "%d more accounts, %d in all.\n", n, len(a.People))
	}
	if a.Told.Severity != "" && a.Severity.Worse(a.Told.Severity) {
		fmt.Fprintf(&b, "The severity is %s now.\n", a.Severity)
	}
	return b.String()
}

// peopleNote says what there is to know about the people without saying who they
// are.
func peopleNote(portraits []portrait, file string) string {
	var b strings.Builder
	for _, p := range portraits {
		fmt.Fprintf(&b, "Okta user %s", p.id)
		if p.user.ID != "" {
			fmt.Fprintf(&b, ", status %s", p.user.Status)
		}
		if p.privileged {
			b.WriteString(", IS PRIVILEGED")
			if len(p.roles) > 0 {
				fmt.Fprintf(&b, ": %s", rolesOf(p.roles, p.groups))
			}
		}
		if n := len(p.gaps); n > 0 {
			fmt.Fprintf(&b, "; %d things about it could not be read", n)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "Profile, manager, groups and recent sign-ins are in the file %s.", file)
	return b.String()
}

// portraitsText are portraits as a file.
func (s *Steps) portraitsText(portraits []portrait) string {
	parts := make([]string, len(portraits))
	for i, p := range portraits {
		parts[i] = s.portraitText(p)
	}
	return strings.Join(parts, "\n")
}

// portraitText tells who somebody is.
func (s *Steps) portraitText(p portrait) string {
	var b strings.Builder
	u := p.user
	fmt.Fprintf(&b, "%s (Okta user %s)", orUnknown(u.Profile.Login), p.id)
	if p.privileged {
		b.WriteString(" IS PRIVILEGED")
	}
	b.WriteByte('\n')
	if u.ID != "" {
		fmt.Fprintf(&b, "  %s %s, %s, %s, %s; status %s", u.Profile.FirstName, u.Profile.LastName, orUnknown(u.Profile.Title), orUnknown(u.Profile.Department), orUnknown(u.Profile.Location), u.Status)
		if !u.LastLogin.IsZero() {
			fmt.Fprintf(&b, ", last sign-in %s", u.LastLogin.UTC().Format(clock))
		}
		b.WriteByte('\n')
	}
	if p.manager != "" {
		fmt.Fprintf(&b, "  Manager: %s\n", p.manager)
	}
	if len(p.roles) > 0 {
		fmt.Fprintf(&b, "  Admin roles: %s\n", rolesOf(p.roles, p.groups))
	}
	if len(p.groups) > 0 {
		fmt.Fprintf(&b, "  Groups: %s\n", groupsOf(p.groups, p.roles))
	}
	for i, e := range p.recent {
		if i == 0 {
			b.WriteString("  Recent sign-ins:\n")
		}
		fmt.Fprintf(&b, "    %s\n", traits(e))
	}
	for _, gap := range p.gaps {
		fmt.Fprintf(&b, "  Not known: %s\n", gap)
	}
	fmt.Fprintf(&b, "  %s\n", s.links.user(p.id))
	return b.String()
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

func rolesOf(roles []okta.Role, groups []okta.Group) string {
	list := make([]string, len(roles))
	for i, r := range roles {
		list[i] = r.Label
		if r.ViaGroup() {
			list[i] += " (through a group)"
			if g := slices.IndexFunc(groups, func(g okta.Group) bool { return g.ID == r.GroupID }); g >= 0 {
				list[i] = r.Label + " (through " + groups[g].Name + ")"
			}
		}
	}
	return strings.Join(list, ", ")
}

// groupsOf lists groups; those that make their members administrators are marked.
func groupsOf(groups []okta.Group, roles []okta.Role) string {
	list := make([]string, 0, len(groups))
	for _, g := range groups {
		name := g.Name
		if slices.ContainsFunc(roles, func(r okta.Role) bool { return r.GroupID == g.ID }) {
			name += " [ADMIN]"
		}
		list = append(list, name)
	}
	slices.Sort(list)
	return some(list, 40)
}

// traits are what one event says in one line: when, how it ended, from where and
// through what, and what Okta thinks of it.
func traits(e okta.LogEvent) string {
	parts := []string{e.Published.UTC().Format(clock), e.Outcome.Result}
	if e.Outcome.Reason != "" {
		parts[1] += " " + e.Outcome.Reason
	}
	where := e.Client.Address
	if place := strings.Trim(e.Client.Place.City+", "+e.Client.Place.Country, ", "); place != "" {
		where += " (" + place + ")"
	}
	network := strings.TrimSpace(fmt.Sprintf("AS%d %s", e.Security.Number, e.Security.Org))
	if e.Security.Number == 0 {
		network = e.Security.Org
	}
	if e.Security.ISP != "" && e.Security.ISP != e.Security.Org {
		network += ", " + e.Security.ISP
	}
	if e.Security.IsProxy {
		network += ", PROXY"
	}
	agent := strings.Trim(e.Client.UserAgent.OS+" "+e.Client.UserAgent.Browser, " ")
	for _, part := range []string{where, network, agent} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	for _, name := range []string{"threatSuspected", "threatDetections", "risk"} {
		if value := e.Debug.Data[name]; value != "" && value != "false" {
			parts = append(parts, name+" "+value)
		}
	}
	if news := positive(e.Debug.Data["behaviors"]); len(news) > 0 {
		parts = append(parts, strings.Join(news, ", "))
	}
	return strings.Join(parts, "; ")
}

// positive are the behaviors that Okta has not seen before.
func positive(behaviors string) []string {
	var list []string
	for part := range strings.SplitSeq(strings.Trim(behaviors, "{}"), ", ") {
		if name, found := strings.CutSuffix(part, "=POSITIVE"); found {
			list = append(list, name)
		}
	}
	return list
}

// containmentNote tells what was decided and done about accounts.
func (s *Steps) containmentNote(people []*person, rules *detect.Rules) string {
	var b strings.Builder
	for _, p := range people {
		c := p.Suspicion
		fmt.Fprintf(&b, "Okta user %s, because of %s: ", p.ID, c.Rule)
		switch c.State {
		case asked:
			fmt.Fprintf(&b, "the person is asked whether it was them, until %s. Without a yes: %s.\n", c.Until.Format(clock), deedsOf(c))
		case shadowed:
			b.WriteString(c.Note + "\n")
		case contained:
			b.WriteString(c.Note + "\n")
			if group := s.settings.ApprovalGroup; !c.Until.IsZero() {
				if r, known := rules.Rule(c.Rule); known {
					group = r.Group
				}
				fmt.Fprintf(&b, "  To undo it, approve the question that %s are asked on this incident, until %s.\n", group, c.Until.Format(clock))
			}
		default:
			b.WriteString(c.Note + "\n")
		}
	}
	return b.String()
}
