package detect

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed default.json
var defaultText []byte

// Default is the document that is in force where no other is given. Each call
// returns its own copy.
func Default() []byte { return slices.Clone(defaultText) }

// Load checks a document. The error is *fault.Invalid and lists everything that
// is wrong, with its place.
func Load(text []byte) (*Rules, error) {
	d, found := read(text)
	if len(found) > 0 {
		return nil, found.fault()
	}
	l := loader{document: d, out: &Rules{
		version: d.Version, treatments: d.Severities, privileged: d.Privileged.Groups,
		byID: map[string]*Rule{}, followers: map[string][]*Rule{},
	}}
	l.networks()
	seen := map[string]int{}
	for i, r := range d.Rules {
		if before, twice := seen[r.ID]; twice {
			l.problems.add(at("rules", i, "id"), "is the id of rule %d, too: give each its own", before)
		}
		seen[r.ID] = i
		l.rule(i, r)
	}
	l.sequels()
	l.silent()
	l.suppressions()
	if err := l.problems.fault(); err != nil {
		return nil, err
	}
	return l.out, nil
}

type loader struct {
	document
	dialect

	out      *Rules
	problems problems
}

func (l *loader) networks() {
	l.dialect.networks = map[string][]netip.Prefix{}
	for name, list := range l.Networks {
		l.dialect.networks[name] = nil
		for i, text := range list {
			prefix, err := netip.ParsePrefix(text)
			if address, single := netip.ParseAddr(text); single == nil {
				prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
			}
			if err != nil {
				l.problems.add(at("networks", name, i), "is no address range: write 192.0.2.0/24 or 2001:db8::/32")
				continue
			}
			l.dialect.networks[name] = append(l.dialect.networks[name], prefix.Masked())
		}
	}
}

func (l *loader) rule(i int, d ruleDocument) {
	r := &Rule{
		ID: d.ID, Title: d.Title, Description: d.Description, Respond: d.Respond, Techniques: d.Techniques,
		Category: d.Category, Subcategory: d.Subcategory, Group: d.Group, Contain: d.Contain,
		severity: d.Severity, outcomes: d.Outcomes, subject: subject(d.Subject), silent: d.Silent, consent: d.Consent,
	}
	if r.Group == "" {
		r.Group = l.Group
	}
	if r.subject == "" {
		r.subject = theActor
	}
	for _, e := range d.Events {
		if prefix, open := strings.CutSuffix(e, "*"); open {
			r.prefixes = append(r.prefixes, prefix)
			continue
		}
		r.exact = append(r.exact, e)
	}
	r.when = l.conditionAt(d.When, "rules", i, "when")
	for j, raise := range d.Raise {
		r.raise = append(r.raise, raised{l.conditionAt(raise.When, "rules", i, "raise", j, "when"), raise.To})
	}
	l.memory(i, d, r)
	l.correlation(i, d, r)
	if len(r.Contain) > 0 && r.subject == nobody {
		l.problems.add(at("rules", i, "contain"), "is about nobody's account: the rule's subject is nobody")
	}
	if d.Travel != nil && r.subject == nobody {
		l.problems.add(at("rules", i, "travel"), "is nobody's journey: the rule's subject is nobody")
	}
	// What the windows depend on: with another of these they begin anew.
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %+v %+v %+v", d.Events, d.Outcomes, d.When, d.Subject, d.Threshold, d.Travel, d.After))
	r.stamp = hex.EncodeToString(sum[:4])
	l.out.byID[r.ID] = r
	if !d.Disabled {
		l.out.rules = append(l.out.rules, r)
	}
}

// memory compiles what a rule remembers from one event to the next.
func (l *loader) memory(i int, d ruleDocument, r *Rule) {
	switch {
	case d.Threshold != nil:
		r.counting = &counting{
			count: d.Threshold.Count, per: l.textAt(d.Threshold.Per, "rules", i, "threshold", "per"),
			of: l.textAt(d.Threshold.Of, "rules", i, "threshold", "of"), within: duration(d.Threshold.Within),
		}
	case d.Travel != nil:
		r.travel = &travel{km: d.Travel.Km, kmh: d.Travel.Kmh, within: duration(d.Travel.Within)}
	case d.After != nil:
		r.after = &after{by: l.textAt(d.After.By, "rules", i, "after", "by"), within: duration(d.After.Within)}
	}
}

func (l *loader) correlation(i int, d ruleDocument, r *Rule) {
	r.correlate = correlation{as: "account"}
	if r.subject == nobody {
		r.correlate.as = r.ID
	}
	if d.Correlate == nil {
		return
	}
	r.correlate.as = d.Correlate.As
	for j, by := range d.Correlate.By {
		r.correlate.by = append(r.correlate.by, l.textAt(by, "rules", i, "correlate", "by", j))
	}
}

// sequels joins the rules that come after another with that one.
func (l *loader) sequels() {
	for i, d := range l.Rules {
		if d.After == nil {
			continue
		}
		r := l.out.byID[d.ID]
		first, found := l.out.byID[d.After.Rule]
		switch {
		case !found:
			l.problems.add(at("rules", i, "after", "rule"), "names %q, which is no rule of the document", d.After.Rule)
		case first == r || first.after != nil:
			l.problems.add(at("rules", i, "after", "rule"), "has to be a rule that does not come after another itself")
		case first.travel != nil:
			l.problems.add(at("rules", i, "after", "rule"), "is a journey, which nothing can come after")
		case first.counting != nil && first.counting.per != nil && r.after.by != nil && first.counting.per.source != r.after.by.source:
			l.problems.add(at("rules", i, "after", "by"), "never matches: %s counts per %q, so write that", first.ID, first.counting.per.source)
		case !d.Disabled && !slices.Contains(l.out.rules, first):
			l.problems.add(at("rules", i, "after", "rule"), "is disabled, so this one could never match")
		default:
			r.after.rule = first
			if !d.Disabled {
				l.out.followers[first.ID] = append(l.out.followers[first.ID], r)
			}
		}
	}
}

// silent refuses rules that nobody would ever hear of.
func (l *loader) silent() {
	for i, d := range l.Rules {
		if d.Silent && !d.Disabled && len(l.out.followers[d.ID]) == 0 {
			l.problems.add(at("rules", i, "silent"), "leaves the rule without any effect: none comes after it")
		}
	}
}

func (l *loader) suppressions() {
	seen := map[string]bool{}
	for i, d := range l.Suppressions {
		if seen[d.ID] {
			l.problems.add(at("suppressions", i, "id"), "is there twice: give each its own")
		}
		seen[d.ID] = true
		for j, id := range d.Rules {
			if _, found := l.out.byID[id]; !found {
				l.problems.add(at("suppressions", i, "rules", j), "names %q, which is no rule of the document", id)
			}
		}
		until, err := time.Parse(time.DateOnly, d.Expires)
		if err != nil {
			l.problems.add(at("suppressions", i, "expires"), "is no day: write 2027-01-31")
		}
		l.out.suppressions = append(l.out.suppressions, &suppression{
			id: d.ID, owner: d.Owner, reason: d.Reason, rules: d.Rules, expires: until,
			when: l.conditionAt(d.When, "suppressions", i, "when"),
		})
	}
}

func (l *loader) conditionAt(source string, where ...any) *expression {
	return l.compiled(source, l.condition, where)
}

func (l *loader) textAt(source string, where ...any) *expression {
	return l.compiled(source, l.text, where)
}

func (l *loader) compiled(source string, compile func(string) (*expression, error), where []any) *expression {
	if source == "" {
		return nil
	}
	x, err := compile(source)
	if err != nil {
		l.problems.add(at(where...), "does not compile: %v", err)
	}
	return x
}

// duration reads what the schema has let through: 90s, 10m, 12h, 7d.
func duration(text string) time.Duration {
	n, err := strconv.Atoi(text[:len(text)-1])
	if err != nil {
		return 0
	}
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	return time.Duration(n) * unit[text[len(text)-1]]
}
