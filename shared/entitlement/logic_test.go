package entitlement

import (
	"fmt"
	"slices"
	"testing"

	"github.com/expr-lang/expr/vm"
	"pgregory.net/rapid"
)

// text draws what people type: letters that change with case, that can be
// composed, and that are no letters at all.
func text() *rapid.Generator[string] {
	return rapid.StringOf(rapid.RuneFrom([]rune("aAbB \t\n\"\\/()[]*.éE\u0301İßẞΣς\u200b\u00a0\x00😀")))
}

func TestFold(t *testing.T) {
	t.Parallel()

	t.Run("is the same for what differs only in case, spaces and composition", func(t *testing.T) {
		t.Parallel()
		for _, pair := range [][2]string{
			{" Senior\t Engineer ", "senior engineer"},
			{"Büroleiterin", "Bu\u0308roleiterin"},
			{"ÉLÈVE", "élève"},
			{"", "  "},
		} {
			if fold(pair[0]) != fold(pair[1]) {
				t.Errorf("%q: %q, %q: %q", pair[0], fold(pair[0]), pair[1], fold(pair[1]))
			}
		}
	})
	t.Run("changes nothing the second time", rapid.MakeCheck(func(t *rapid.T) {
		s := text().Draw(t, "s")
		if once := fold(s); fold(once) != once {
			t.Errorf("%q, %q", once, fold(once))
		}
	}))
	t.Run("has a short cut that only takes what is folded", rapid.MakeCheck(func(t *rapid.T) {
		s := rapid.StringMatching(`[aB ]{0,6}`).Draw(t, "s")
		if once := foldSlowly(s); isFolded(s) != (once == s) {
			t.Errorf("%q: %t", s, isFolded(s))
		}
	}))
}

func TestLogic(t *testing.T) {
	t.Parallel()

	// draw draws a condition over constants that are awkward to print.
	var draw func(t *rapid.T, depth int) string
	draw = func(t *rapid.T, depth int) string {
		kind := rapid.IntRange(0, 7).Draw(t, "kind")
		if depth == 0 {
			kind = 3 + kind%5
		}
		a := rapid.SampledFrom([]string{"title", "department", "location"}).Draw(t, "attribute")
		b := rapid.SampledFrom([]string{"title", "department"}).Draw(t, "other")
		c := func() string { return fmt.Sprintf("%q", text().Draw(t, "constant")) }
		switch kind {
		case 0:
			return "(" + draw(t, depth-1) + " and " + draw(t, depth-1) + ")"
		case 1:
			return "(" + draw(t, depth-1) + " || " + draw(t, depth-1) + ")"
		case 2:
			return "not (" + draw(t, depth-1) + ")"
		case 3:
			return a + rapid.SampledFrom([]string{" == ", " != ", " contains ", " startsWith ", " endsWith "}).Draw(t, "operator") + c()
		case 4:
			return a + rapid.SampledFrom([]string{" in ", " not in "}).Draw(t, "operator") + "[" + c() + ", " + c() + "]"
		case 5:
			return c() + " == " + a
		case 6:
			return a + " matches " + `"^[a-b]+$"`
		default:
			return a + rapid.SampledFrom([]string{" == ", " contains "}).Draw(t, "operator") + b
		}
	}
	profile := func(t *rapid.T) values {
		value := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "ab", "A B"}), text())
		return Profile{Title: value.Draw(t, "title"), Department: value.Draw(t, "department"), Location: value.Draw(t, "location")}.values().folded()
	}

	t.Run("is never certain of the wrong thing, whatever is known", rapid.MakeCheck(func(t *rapid.T) {
		c, err := newCondition(draw(t, 3))
		if err != nil {
			t.Skip(err) // constants that Go prints and expr does not read
		}
		v := profile(t)
		var k knowledge
		for f := range fields {
			if rapid.Bool().Draw(t, "known") {
				k = k.with(f, v[f])
			}
		}
		held := c.holds(&vm.VM{}, v.environment())
		if said := c.logic(k); said == always && !held || said == never && held {
			t.Errorf("%s: held is %t for %q, verdict %d from %+v", c.source, held, v, said, k)
		}
	}))

	t.Run("knows the answer when everything is known", rapid.MakeCheck(func(t *rapid.T) {
		c, err := newCondition(draw(t, 3))
		if err != nil {
			t.Skip(err)
		}
		v := profile(t)
		k := knowledge{values: v}
		for f := range fields {
			k.known[f] = true
		}
		want := never
		if c.holds(&vm.VM{}, v.environment()) {
			want = always
		}
		if got := c.logic(k); got != want && got != unknown {
			t.Errorf("%s for %q: %d, want %d", c.source, v, got, want)
		}
	}))

	t.Run("names needs without which the condition never holds", rapid.MakeCheck(func(t *rapid.T) {
		c, err := newCondition(draw(t, 3))
		if err != nil {
			t.Skip(err)
		}
		v := profile(t)
		if !c.holds(&vm.VM{}, v.environment()) {
			return
		}
		for f, list := range c.needs {
			if list != nil && !slices.Contains(list, v[f]) {
				t.Errorf("%s holds for %q, and would need %s in %q", c.source, v, field(f), list)
			}
		}
		if c.outlook() == never {
			t.Errorf("%s can never hold, and holds for %q", c.source, v)
		}
	}))

	t.Run("a condition that was accepted does not fail", rapid.MakeCheck(func(t *rapid.T) {
		c, err := newCondition(draw(t, 4))
		if err != nil {
			t.Skip(err)
		}
		if _, err := new(vm.VM).Run(c.program, profile(t).environment()); err != nil {
			t.Error(err)
		}
	}))

	t.Run("gives up on too many combinations rather than trying them", func(t *testing.T) {
		t.Parallel()
		list := make([]string, 200)
		for i := range list {
			list[i] = fmt.Sprint(i)
		}
		n := needs{title: list, department: list} // 40,000
		calls := 0
		n.combinations(func(k knowledge) bool {
			calls++
			return k == knowledge{}
		})
		if calls != 1 {
			t.Error(calls)
		}
	})
}
