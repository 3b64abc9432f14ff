package entitlement

import (
	"testing"

	"github.com/expr-lang/expr/vm"
)

// FuzzCondition looks for expressions that are accepted and then fail, or come to
// something else than the analysis of the document takes them to.
func FuzzCondition(f *testing.F) {
	for _, source := range []string{
		`title == "a"`, `"a" in [title, "b"]`, `not (title in ["a", "b"]) and department matches "^a|b$"`,
		`title contains department || !(location endsWith " x")`, `true`, `$env == nil`, `title == "\x00\u200b"`,
		`((title == 'a'))`, "title == `a`", `title ?? "x" == "x"`, `title[0:1] == "a"`, `any([title], # == "a")`,
		`title | trim() == "a"`, `let x = title; x == "a"`, `if true { true } else { false }`, `title not startsWith "a"`,
	} {
		f.Add(source, "a", "b")
	}
	f.Fuzz(func(t *testing.T, source, first, second string) {
		if len(source) > 1000 { // as the schema limits it
			return
		}
		c, err := newCondition(source)
		if err != nil {
			if complaint(err) == "" {
				t.Error("refused without a word")
			}
			return
		}
		v := Profile{Title: first, Department: second, Location: first, EmployeeType: second}.values().folded()
		machine := new(vm.VM)
		result, err := machine.Run(c.program, v.environment())
		held, ok := result.(bool)
		if err != nil || !ok {
			t.Fatalf("%s: %v, %v", source, result, err)
		}
		k := knowledge{values: v}
		for f := range fields {
			k.known[f] = true
		}
		for _, said := range []verdict{c.logic(k), c.logic(knowledge{}), c.outlook()} {
			if said == always && !held || said == never && held {
				t.Errorf("%s: held is %t for %q, verdict %d", source, held, v, said)
			}
		}
		if held && !c.needs.met(&v) {
			t.Errorf("%s holds for %q without what it needs, %q", source, v, c.needs)
		}
	})
}
