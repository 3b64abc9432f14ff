package rolechange

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The two decisions, and what stands for all items.
const (
	wordKeep   = "keep"
	wordRevoke = "revoke"
	wordAll    = "all"
)

// statement separates what a manager has written: one to a line, or between
// semicolons or full stops.
var statement = regexp.MustCompile(`[\n\r;]+|\.(?:\s+|$)`)

var (
	word = regexp.MustCompile(`\b(keep|revoke)\b`)
	// negation before the word turns it around.
	negation = regexp.MustCompile(`\b(not|never|don.?t|doesn.?t|cannot|can.?t)\b`)
)

// readDecisions reads what a manager has written: "1 keep", "revoke 2, 3", "all
// keep", "2: revoke", or the name in the number's place. Lines without either
// word are remarks. It returns the decision by the item's number, keep or revoke,
// and what is unclear, in sentences for the manager; with anything unclear, no
// decision counts.
//
// An item of its own outweighs "all". One that is both kept and revoked, and one
// that nothing is said about, are unclear.
func readDecisions(text string, items []item) (decisions map[int]string, problems []string) {
	d := reading{items: items, own: map[int]string{}}
	for _, s := range statement.Split(text, -1) {
		d.read(s)
	}
	decisions = map[int]string{}
	for _, i := range items {
		switch {
		case d.own[i.N] != "":
			decisions[i.N] = d.own[i.N]
		case d.all != "":
			decisions[i.N] = d.all
		default:
			d.problemf("Nothing is said about %d (%s).", i.N, i.Name)
		}
	}
	if len(d.problems) > 0 {
		return nil, d.problems
	}
	return decisions, nil
}

// reading collects what has been said.
type reading struct {
	items    []item
	own      map[int]string
	all      string
	problems []string
}

func (d *reading) problemf(format string, args ...any) {
	p := fmt.Sprintf(format, args...)
	if !slices.Contains(d.problems, p) {
		d.problems = append(d.problems, p)
	}
}

// read reads one statement. Names are looked for first: one may hold a comma, a
// hyphen, or even the word keep.
func (d *reading) read(s string) {
	rest := fold(s)
	var said []int
	for _, i := range byLength(d.items) {
		name := fold(i.Name)
		if at := index(rest, name); at >= 0 && name != "" {
			said = append(said, i.N)
			rest = rest[:at] + " " + rest[at+len(name):]
		}
	}
	verbs := word.FindAllString(rest, -1)
	if len(verbs) == 0 {
		return // a remark
	}
	verb := verbs[0]
	if slices.ContainsFunc(verbs, func(v string) bool { return v != verb }) {
		d.problemf("A line says both keep and revoke: write one line for each.")
		return
	}
	if negation.MatchString(rest[:word.FindStringIndex(rest)[0]]) {
		d.problemf("A line says not to %s: write what to do instead.", verb)
		return
	}
	all := false
	for _, token := range strings.FieldsFunc(word.ReplaceAllString(rest, " "), func(r rune) bool { return strings.ContainsRune(" \t,:-–—=()#/&", r) }) {
		n, err := strconv.Atoi(token)
		switch {
		case token == wordAll, token == "everything":
			all = true
		case token == "and":
		case err == nil && slices.ContainsFunc(d.items, func(i item) bool { return i.N == n }):
			said = append(said, n)
		case err == nil:
			d.problemf("There is no number %d.", n)
		}
	}
	if all {
		d.set(&d.all, verb, "everything")
	}
	for _, n := range said {
		now := d.own[n]
		d.set(&now, verb, fmt.Sprintf("number %d", n))
		d.own[n] = now
	}
	if !all && len(said) == 0 {
		d.problemf("It is not clear what to %s: name the number.", verb)
	}
}

func (d *reading) set(to *string, verb, what string) {
	if *to != "" && *to != verb {
		d.problemf("It says both keep and revoke about %s.", what)
	}
	*to = verb
}

// byLength puts longer names first: one may be part of another.
func byLength(items []item) []item {
	list := slices.Clone(items)
	slices.SortStableFunc(list, func(a, b item) int { return len(b.Name) - len(a.Name) })
	return list
}

// index finds a name that stands by itself.
func index(text, name string) int {
	for from := 0; ; {
		at := strings.Index(text[from:], name)
		if at < 0 {
			return -1
		}
		at += from
		if border(text, at-1) && border(text, at+len(name)) {
			return at
		}
		from = at + 1
	}
}

func border(text string, at int) bool {
	if at < 0 || at >= len(text) {
		return true
	}
	c := text[at]
	return c < 0x80 && (c < '0' || c > '9') && (c < 'a' || c > 'z')
}

// fold brings a text into the form in which it is compared.
func fold(s string) string {
	return strings.Join(strings.Fields(strings.ToLower(strings.ToValidUTF8(s, "?"))), " ")
}
