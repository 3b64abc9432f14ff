package e2e_test

import (
	"encoding/json"
	"go/ast"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lifecycle/shared/local"
	"lifecycle/shared/local/template"
)

// TestWiring holds template, Makefile, mains, the table of functions and the
// state machines against each other.
func TestWiring(t *testing.T) {
	t.Parallel()
	h, cloud, directories := survey(t), parsedTemplate(t), makefileFunctions(t)
	builders := h.builders(t)

	t.Run("every function of the template is built, has a main, and the same builder here and there", func(t *testing.T) {
		t.Parallel()
		for _, f := range cloud.Functions {
			dir, built := directories[f.ID]
			if !built {
				t.Errorf("%s has no target in the Makefile", f.ID)
				continue
			}
			if got, want := h.mainBuilder(dir), builders[f.ID]; got == "" || got != want {
				t.Errorf("%s: main in %s hands over %q, the embedded cloud %q", f.ID, dir, got, want)
			}
		}
		for id := range directories {
			if _, known := cloud.Function(id); !known {
				t.Errorf("the Makefile builds %s, which the template does not have", id)
			}
		}
	})

	t.Run("the state machines name the steps that their functions have", func(t *testing.T) {
		t.Parallel()
		named := stepsNamed(t, cloud, directories)
		for _, dir := range slices.Sorted(maps.Keys(named)) {
			registered, shared := h.stepsRegistered(dir), h.stepsRegistered("shared/workflow")
			for step := range named[dir] {
				if !registered[step] && !shared[step] {
					t.Errorf("a state machine asks %s for the step %s, which it does not have", dir, step)
				}
			}
			for step := range registered {
				if !named[dir][step] {
					t.Errorf("%s has the step %s, which no state machine asks for", dir, step)
				}
			}
		}
	})

	t.Run("every task tries again, and says so when it gives up", func(t *testing.T) {
		t.Parallel()
		eachTask(t, cloud, func(machine, state string, task aslState) {
			var retried []string
			for _, r := range task.Retry {
				retried = append(retried, r.ErrorEquals...)
			}
			for _, name := range []string{"Throttled", "Stopped", "Unavailable", "Lambda.TooManyRequestsException", "Runtime.ExitError", "Sandbox.Timedout"} {
				if !slices.Contains(retried, name) {
					t.Errorf("%s, %s: %s is not tried again", machine, state, name)
				}
			}
			if task.Comment == "" {
				t.Errorf("%s, %s: no comment says why", machine, state)
			}
		})
	})
}

func parsedTemplate(t *testing.T) *template.Cloud {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := template.Parse(text, "local", map[string]string{"OktaOrgUrl": local.OktaURL, "ServiceNowUrl": local.ServiceNowURL})
	if err != nil {
		t.Fatal(err)
	}
	return cloud
}

// makefileFunctions are the directories of the mains by logical id.
func makefileFunctions(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	directories := map[string]string{}
	for _, m := range regexp.MustCompile(`\b([A-Z]\w+)=(functions/\S+)`).FindAllStringSubmatch(string(text), -1) {
		directories[m[1]] = m[2]
	}
	return directories
}

// builders is the table in shared/local/wiring.go, as package path and name.
func (h house) builders(t *testing.T) map[string]string {
	t.Helper()
	table := map[string]string{}
	for _, file := range h.files["shared/local"] {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, is := n.(*ast.ValueSpec)
			if !is || len(spec.Names) != 1 || spec.Names[0].Name != "builders" || len(spec.Values) != 1 {
				return true
			}
			for _, e := range spec.Values[0].(*ast.CompositeLit).Elts {
				pair := e.(*ast.KeyValueExpr)
				table[literal(pair.Key)] = selected(file, pair.Value)
			}
			return false
		})
	}
	if len(table) == 0 {
		t.Fatal("the table of functions was not found")
	}
	return table
}

// mainBuilder is what the main of a directory hands to platform.Main.
func (h house) mainBuilder(dir string) (builder string) {
	for _, file := range h.files[dir] {
		ast.Inspect(file, func(n ast.Node) bool {
			call, is := n.(*ast.CallExpr)
			if is && strings.HasPrefix(selected(file, call.Fun), "shared/platform.Main") && len(call.Args) > 0 {
				builder = selected(file, call.Args[0])
			}
			return true
		})
	}
	return builder
}

// stepsRegistered are the names of workflow.Add(table, "Name", …) in a package.
func (h house) stepsRegistered(dir string) map[string]bool {
	steps := map[string]bool{}
	for _, file := range h.files[dir] {
		ast.Inspect(file, func(n ast.Node) bool {
			call, is := n.(*ast.CallExpr)
			if !is || len(call.Args) != 3 {
				return true
			}
			name, local := call.Fun.(*ast.Ident)
			if selected(file, call.Fun) == "shared/workflow.Add" || local && name.Name == "Add" && dir == "shared/workflow" {
				if step := literal(call.Args[1]); step != "" {
					steps[step] = true
				}
			}
			return true
		})
	}
	return steps
}

func literal(e ast.Expr) string {
	lit, is := e.(*ast.BasicLit)
	if !is {
		return ""
	}
	text, _ := strconv.Unquote(lit.Value)
	return text
}

// selected is a qualified name with its package's path: "shared/event.NewTrigger".
func selected(file *ast.File, e ast.Expr) string {
	s, is := e.(*ast.SelectorExpr)
	if !is {
		return ""
	}
	x, is := s.X.(*ast.Ident)
	if !is {
		return ""
	}
	for _, i := range file.Imports {
		p := strings.Trim(i.Path.Value, `"`)
		if i.Name == nil && path.Base(p) == x.Name || i.Name != nil && i.Name.Name == x.Name {
			return strings.TrimPrefix(p, module) + "." + s.Sel.Name
		}
	}
	return ""
}

// aslState is a state as far as the tests read it.
type aslState struct {
	Type, Comment, Resource string
	Parameters              struct {
		Step, FunctionName string
		Payload            struct{ Step string }
	}
	Retry []struct{ ErrorEquals []string }
	Catch []struct{ ErrorEquals []string }
	// Iterator is the older name of ItemProcessor.
	Iterator, ItemProcessor struct{ States map[string]aslState }
	Branches                []struct{ States map[string]aslState }
}

// eachTask visits the Task states of all state machines, those in Maps and
// Parallels too.
func eachTask(t *testing.T, cloud *template.Cloud, visit func(machine, state string, task aslState)) {
	t.Helper()
	for _, m := range cloud.Machines {
		text, err := os.ReadFile(filepath.Join(root, m.File))
		if err != nil {
			t.Fatal(err)
		}
		var definition struct{ States map[string]aslState }
		if err := json.Unmarshal(text, &definition); err != nil {
			t.Fatalf("%s: %v", m.File, err)
		}
		var walk func(map[string]aslState)
		walk = func(states map[string]aslState) {
			for name, s := range states {
				if s.Type == "Task" {
					visit(m.ID, name, s)
				}
				walk(s.Iterator.States)
				walk(s.ItemProcessor.States)
				for _, b := range s.Branches {
					walk(b.States)
				}
			}
		}
		walk(definition.States)
	}
}

// stepsNamed are the steps that state machines ask for, by the directory of the
// use case.
func stepsNamed(t *testing.T, cloud *template.Cloud, directories map[string]string) map[string]map[string]bool {
	t.Helper()
	named := map[string]map[string]bool{}
	substitutions := map[string]map[string]string{}
	for _, m := range cloud.Machines {
		substitutions[m.ID] = m.Substitutions
	}
	eachTask(t, cloud, func(machine, state string, task aslState) {
		step, resource := task.Parameters.Step, task.Resource
		if step == "" {
			step, resource = task.Parameters.Payload.Step, task.Parameters.FunctionName
		}
		arn := substitutions[machine][strings.Trim(resource, "${}")]
		f, known := cloud.Function(arn)
		if !known || step == "" {
			if step != "" {
				t.Errorf("%s, %s: calls %q, which is no function", machine, state, resource)
			}
			return
		}
		dir := path.Dir(directories[f.ID])
		if named[dir] == nil {
			named[dir] = map[string]bool{}
		}
		named[dir][step] = true
	})
	return named
}
