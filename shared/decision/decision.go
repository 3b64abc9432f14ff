// Package decision reads what people write into a task that asks them to keep or
// revoke numbered items of access. Nothing is guessed: what is unclear is told
// back.
package decision

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The two decisions.
const (
	Keep   = "keep"
	Revoke = "revoke"
)

// wordAll stands for all items.
const wordAll = "all"

// Item is one line of the question.
type Item struct {
	// N is its number, from 1.
	N int
	// Name may be written in the number's place; empty where only the number may.
	Name string
}

// label is the item in a sentence.
func (i Item) label() string {
	if i.Name == "" {
		return strconv.Itoa(i.N)
	}
	return fmt.Sprintf("%d (%s)", i.N, i.Name)
}

// Decided is what was written about one item.
type Decided struct {
	// Word is Keep or Revoke.
	Word string
	// Line is the statement that says so, as it was written.
	Line string
}

// statement separates what a manager has written: one to a line, or between
// semicolons or full stops.
var statement = regexp.MustCompile(`[\n\r;]+|\.(?:\s+|$)`)

var (
	word = regexp.MustCompile(`\b(keep|revoke)\b`)
	// negation before the word turns it around.
	negation = regexp.MustCompile(`\b(not|never|don.?t|doesn.?t|cannot|can.?t)\b`)
	// span is "4-9" or "4 to 9".
	span = regexp.MustCompile(`\b(\d{1,6})\s*(?:-|–|\bto\b)\s*(\d{1,6})\b`)
)

// Read reads what somebody has written: "1 keep", "revoke 2, 3", "4-9 keep", "all
// keep", "2: revoke", or the name in the number's place. Lines without either
// word are remarks. It returns the decision by the item's number, and what is
// unclear, in sentences for who wrote it; with anything unclear, no decision
// counts.
//
// An item of its own outweighs "all". One that is both kept and revoked, and one
// that nothing is said about, are unclear.
func Read(text string, items []Item) (decisions map[int]Decided, problems []string) {
	d := reading{items: byLength(items), own: map[int]Decided{}, numbers: map[int]bool{}}
	for _, i := range items {
		d.numbers[i.N] = true
	}
	for _, s := range statement.Split(text, -1) {
		d.read(s)
	}
	decisions = map[int]Decided{}
	for _, i := range items {
		switch {
		case d.own[i.N].Word != "":
			decisions[i.N] = d.own[i.N]
		case d.all.Word != "":
			decisions[i.N] = d.all
		default:
			d.problemf("Nothing is said about %s.", i.label())
		}
	}
	if len(d.problems) > 0 {
		return nil, d.problems
	}
	return decisions, nil
}

// reading collects what has been said.
type reading struct {
	items    []Item // longer names first
	numbers  map[int]bool
	own      map[int]Decided
	all      Decided
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
	for _, i := range d.items {
		name := fold(i.Name)
		if name == "" {
			continue
		}
		if at := index(rest, name); at >= 0 {
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
	said = append(said, d.spans(&rest)...)
	all := false
	for _, token := range strings.FieldsFunc(word.ReplaceAllString(rest, " "), func(r rune) bool { return strings.ContainsRune(" \t,:-–—=()#/&", r) }) {
		n, err := strconv.Atoi(token)
		switch {
		case token == wordAll, token == "everything":
			all = true
		case token == "and":
		case err == nil && d.numbers[n]:
			said = append(said, n)
		case err == nil:
			d.problemf("There is no number %d.", n)
		}
	}
	decided := Decided{Word: verb, Line: strings.TrimSpace(s)}
	if all {
		d.set(&d.all, decided, "everything")
	}
	for _, n := range said {
		now := d.own[n]
		d.set(&now, decided, fmt.Sprintf("number %d", n))
		d.own[n] = now
	}
	if !all && len(said) == 0 {
		d.problemf("It is not clear what to %s: name the number.", verb)
	}
}

// spans takes "4-9" out of a statement and returns 4 to 9. A span of which an end
// is no item, such as a part of a date, stays where it is.
func (d *reading) spans(statement *string) (said []int) {
	*statement = span.ReplaceAllStringFunc(*statement, func(found string) string {
		ends := span.FindStringSubmatch(found)
		first, _ := strconv.Atoi(ends[1])
		last, _ := strconv.Atoi(ends[2])
		if first >= last || !d.numbers[first] || !d.numbers[last] {
			return found
		}
		for n := first; n <= last; n++ {
			if d.numbers[n] {
				said = append(said, n)
			}
		}
		return " "
	})
	return said
}

func (d *reading) set(to *Decided, now Decided, what string) {
	if to.Word != "" && to.Word != now.Word {
		d.problemf("It says both keep and revoke about %s.", what)
	}
	*to = now
}

// byLength puts longer names first: one may be part of another.
func byLength(items []Item) []Item {
	list := slices.Clone(items)
	slices.SortStableFunc(list, func(a, b Item) int { return len(b.Name) - len(a.Name) })
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
