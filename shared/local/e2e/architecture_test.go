package e2e_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The house as DESIGN describes it, held against the source text.

const module = "lifecycle/"

// layers are the packages of shared, those above import those below only.
var layers = [][]string{
	{"shared/fault", "shared/decision"},
	{"shared/platform"},
	{"shared/audit", "shared/guard", "shared/idempotency", "shared/ratelimit", "shared/entitlement"},
	{"shared/okta", "shared/servicenow", "shared/lease"},
	{"shared/approval", "shared/report"},
	{"shared/event", "shared/workflow"},
}

// house is the module's own packages, without tests.
type house struct {
	files map[string][]*ast.File // by directory
	lines map[string]int         // by file
	fset  *token.FileSet
}

func survey(t *testing.T) house {
	t.Helper()
	h := house{files: map[string][]*ast.File{}, lines: map[string]int{}, fset: token.NewFileSet()}
	for _, top := range []string{"functions", "shared"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(h.fset, name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			dir, err := filepath.Rel(root, filepath.Dir(name))
			dir = filepath.ToSlash(dir)
			h.files[dir] = append(h.files[dir], file)
			h.lines[dir+"/"+filepath.Base(name)] = h.fset.Position(file.End()).Line
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// imports are the module's own packages that a directory imports.
func (h house) imports(dir string) []string {
	found := map[string]bool{}
	for _, file := range h.files[dir] {
		for _, i := range file.Imports {
			if p, own := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), module); own {
				found[p] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// reach is everything that a directory imports, directly or not.
func (h house) reach(dir string) []string {
	found := map[string]bool{}
	var visit func(string)
	visit = func(dir string) {
		for _, p := range h.imports(dir) {
			if !found[p] {
				found[p] = true
				visit(p)
			}
		}
	}
	visit(dir)
	return slices.Sorted(maps.Keys(found))
}

func within(dir, parent string) bool { return dir == parent || strings.HasPrefix(dir, parent+"/") }

// useCase is functions/<use case> of a directory below it.
func useCase(dir string) string {
	parts := strings.Split(dir, "/")
	return strings.Join(parts[:min(2, len(parts))], "/")
}

func layerOf(dir string) int {
	return slices.IndexFunc(layers, func(l []string) bool {
		return slices.ContainsFunc(l, func(p string) bool { return within(dir, p) })
	})
}

// testSuite tells packages that only tests import: shared/audit/audittest.
func testSuite(dir string) bool { return strings.HasSuffix(dir, "test") }

func TestArchitecture(t *testing.T) {
	t.Parallel()
	h := survey(t)

	t.Run("imports run downward", func(t *testing.T) {
		t.Parallel()
		for dir := range h.files {
			for _, p := range h.imports(dir) {
				switch {
				case within(dir, "shared/local"), testSuite(dir):
				case within(p, "shared/local"):
					t.Errorf("%s imports %s, which stands above everything", dir, p)
				case within(dir, "functions") && within(p, "functions") && useCase(dir) != useCase(p):
					t.Errorf("%s imports another use case, %s", dir, p)
				case within(dir, "shared") && within(p, "functions"):
					t.Errorf("%s imports %s", dir, p)
				case within(dir, "shared") && layerOf(dir) <= layerOf(p) && useCase(dir) != useCase(p):
					t.Errorf("%s imports %s, which is not below it", dir, p)
				}
			}
		}
	})

	t.Run("every package of shared has its place", func(t *testing.T) {
		t.Parallel()
		for dir := range h.files {
			if within(dir, "shared") && !within(dir, "shared/local") && layerOf(dir) < 0 {
				t.Errorf("%s is in no layer: say above and below what it stands", dir)
			}
			for _, vague := range []string{"util", "common", "types", "models", "helpers"} {
				if strings.HasPrefix(path.Base(dir), vague) {
					t.Errorf("%s says nothing by its name", dir)
				}
			}
		}
	})

	t.Run("no Lambda carries the embedded cloud", func(t *testing.T) {
		t.Parallel()
		for dir := range h.files {
			if !h.isMain(dir) || within(dir, "shared/local") {
				continue
			}
			for _, p := range h.reach(dir) {
				if within(p, "shared/local") {
					t.Errorf("%s carries %s", dir, p)
				}
			}
			for _, file := range h.files[dir] {
				name := dir + "/" + filepath.Base(h.fset.Position(file.Pos()).Filename)
				if h.lines[name] > 31 {
					t.Errorf("%s has %d lines: a main wires and no more", name, h.lines[name]-1)
				}
			}
		}
	})

	t.Run("triggers know neither Okta nor ServiceNow", func(t *testing.T) {
		t.Parallel()
		for _, p := range h.reach("shared/event") {
			if within(p, "shared/okta") || within(p, "shared/servicenow") {
				t.Errorf("shared/event carries %s", p)
			}
		}
	})
}

func (h house) isMain(dir string) bool {
	return slices.ContainsFunc(h.files[dir], func(f *ast.File) bool { return f.Name.Name == "main" })
}
