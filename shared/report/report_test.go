package report

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/buckets"
)

// many are n findings of one reviewer.
func many(n int, reviewer string) []Finding {
	list := sampleFindings(n, false)[:n]
	for i := range list {
		list[i].Standing, list[i].Reviewer = Open, reviewer
	}
	return list
}

func rowsIn(t *testing.T, page []byte) (n int) {
	t.Helper()
	for _, e := range elements(t, page) {
		if e.name == "tr" && e.attrs["data-risk"] != "" {
			n++
		}
	}
	return n
}

func TestAPageShowsTheRiskiestAndSaysHowManyMore(t *testing.T) {
	t.Parallel()
	store, _ := written(t, sampleReview(false), many(PerReviewer+250, "security"))
	page := store.files[PageFile]
	if n := rowsIn(t, page); n != PerReviewer {
		t.Errorf("the page shows %d findings of a reviewer, not %d", n, PerReviewer)
	}
	for _, wanted := range []string{"<b>250 more</b> of Security Operations’s findings", "This page shows the 200 riskiest of 450 findings, at most 200 of a reviewer's"} {
		if !strings.Contains(string(page), wanted) {
			t.Errorf("the page does not say %q", wanted)
		}
	}
	for _, e := range elements(t, page) {
		if r := Risk(e.attrs["data-risk"]); e.name == "tr" && r == Low {
			t.Errorf("the page shows a finding of low risk, and leaves riskier ones out")
		}
	}
	if n := len(tableOf(t, store.files[TableFile])); n != PerReviewer+250 {
		t.Errorf("the CSV holds %d findings", n)
	}
}

func TestAPageOfManyReviewersStaysAPage(t *testing.T) {
	t.Parallel()
	var list []Finding
	for i := range 700 {
		for j := range 6 {
			f := sampleFinding(i*6+j, false)
			f.Standing, f.Reviewer = Open, "manager "+number(1000+i)
			list = append(list, f)
		}
	}
	slices.SortStableFunc(list, func(a, b Finding) int { return rank(a.Risk) - rank(b.Risk) })
	store, _ := written(t, sampleReview(false), list)
	page := string(store.files[PageFile])
	if n := rowsIn(t, []byte(page)); n != PerPage {
		t.Errorf("the page shows %d findings, not %d", n, PerPage)
	}
	if !strings.Contains(page, "700 reviewers decide. The 500 with the riskiest findings are listed") {
		t.Error("the page does not say that it leaves reviewers out")
	}
}

func TestAReviewersPageTellsNothingAboutOthers(t *testing.T) {
	t.Parallel()
	list := sampleFindings(60, true)
	var page bytes.Buffer
	if err := WriteReviewer(&page, sampleReview(false), yielding(list), "mgr-finance"); err != nil {
		t.Fatal(err)
	}
	theirs := map[string]bool{}
	for _, f := range list {
		if f.Reviewer == "mgr-finance" {
			theirs[f.Holding.Name] = true
		}
	}
	for _, f := range list {
		if !theirs[f.Holding.Name] && f.Holding.Kind != Account && strings.Contains(page.String(), f.Holding.Name) {
			t.Errorf("%s is on the page of a reviewer who has nothing to do with it", f.Holding.Name)
		}
	}
	for _, other := range []string{"Security Operations", "Sam Okoro", "TASK0020001", "9,312"} {
		if strings.Contains(page.String(), other) {
			t.Errorf("the page of Priya Raman says %q", other)
		}
	}
	for _, wanted := range []string{"TASK0020002", "put before <b>Priya Raman</b>"} {
		if !strings.Contains(page.String(), wanted) {
			t.Errorf("the page does not say %q", wanted)
		}
	}
}

func TestAReviewWithoutFindingsSaysSo(t *testing.T) {
	t.Parallel()
	r := sampleReview(false)
	r.Trend = nil
	store, m := written(t, r, nil)
	if page := string(store.files[PageFile]); !strings.Contains(page, "Nothing was found") || !strings.Contains(page, "the first review") {
		t.Error("the page does not say that nothing was found")
	}
	if m.Findings != 0 || string(store.files[DocumentFile][:14]) != `{"findings":[`+"\n" {
		t.Errorf("%d findings, %.40s", m.Findings, store.files[DocumentFile])
	}
}

func TestFindingsThatFailLeaveNoManifest(t *testing.T) {
	t.Parallel()
	broken := &fault.Unavailable{Message: "the findings could not be read"}
	unnamed := sampleFinding(1, false)
	unnamed.ID = ""
	for name, c := range map[string]struct {
		findings Findings
		full     string
	}{
		"they end in an error": {func() iter.Seq2[Finding, error] {
			return func(yield func(Finding, error) bool) {
				if yield(sampleFinding(1, false), nil) {
					yield(Finding{}, broken)
				}
			}
		}, ""},
		"one has no id":              {yielding([]Finding{sampleFinding(0, false), unnamed}), ""},
		"the CSV cannot be written":  {yielding(sampleFindings(9, false)), TableFile},
		"the JSON cannot be written": {yielding(sampleFindings(9, false)), DocumentFile},
		"the page cannot be written": {yielding(sampleFindings(9, false)), PageFile},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newMemory()
			store.full = c.full
			if _, err := Write(t.Context(), sampleReview(false), c.findings, store); err == nil {
				t.Error("the report was written all the same")
			}
			if _, err := ReadManifest(t.Context(), store); !fault.Is[*fault.NotFound](err) {
				t.Errorf("reading the manifest: %v", err)
			}
		})
	}
}

func TestWritingStopsWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	endless := func() iter.Seq2[Finding, error] {
		return func(yield func(Finding, error) bool) {
			for i := 0; yield(sampleFinding(i, false), nil); i++ {
				if i == 100 {
					cancel()
				}
			}
		}
	}
	if _, err := Write(ctx, sampleReview(false), endless, newMemory()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestVerifyNamesTheFirstFileThatDiffers(t *testing.T) {
	t.Parallel()
	store, m := written(t, sampleReview(false), sampleFindings(20, false))
	if v, err := Verify(t.Context(), m, store); err != nil || !v.OK() || v.String() != "3 files, all as the manifest says" {
		t.Fatal(v, err)
	}
	for name, c := range map[string]struct {
		change func(*memory)
		bad    string
	}{
		"a file is missing":        {func(s *memory) { delete(s.files, DocumentFile) }, DocumentFile},
		"a file was cut":           {func(s *memory) { s.files[TableFile] = s.files[TableFile][:100] }, TableFile},
		"two were exchanged":       {func(s *memory) { s.files[TableFile], s.files[PageFile] = s.files[PageFile], s.files[TableFile] }, TableFile},
		"a file was added to":      {func(s *memory) { s.files[PageFile] = append(s.files[PageFile], ' ') }, PageFile},
		"the first of two is told": {func(s *memory) { s.files[PageFile], s.files[DocumentFile] = nil, nil }, DocumentFile},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := store.clone()
			c.change(changed)
			if v, err := Verify(t.Context(), m, changed); err != nil || v.Bad != c.bad {
				t.Errorf("%v, %v; it is %s", v, err, c.bad)
			}
		})
	}
	if v, _ := Verify(t.Context(), Manifest{}, store); v.OK() {
		t.Error("a manifest without files is taken for a report")
	}
}

func TestTheManifestComesLast(t *testing.T) {
	t.Parallel()
	store, _ := written(t, sampleReview(false), sampleFindings(20, false))
	if last := store.order[len(store.order)-1]; last != ManifestFile {
		t.Errorf("%s was put after the manifest", last)
	}
	if got := store.types[PageFile]; got != htmlType {
		t.Errorf("the page has the type %s", got)
	}
}

func TestThePageAllowsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	store, _ := written(t, sampleReview(true), sampleFindings(20, true))
	line, err := PersonTimeline(nina, reading(ninasStory()), WithNames(named))
	if err != nil {
		t.Fatal(err)
	}
	var timeline bytes.Buffer
	if err := line.WriteHTML(&timeline); err != nil {
		t.Fatal(err)
	}
	for name, page := range map[string][]byte{"review": store.files[PageFile], "timeline": timeline.Bytes()} {
		policy := ""
		for _, e := range elements(t, page) {
			if e.attrs["http-equiv"] == "Content-Security-Policy" {
				policy = e.attrs["content"]
			}
			for attribute, value := range e.attrs {
				if strings.HasPrefix(attribute, "on") || attribute == "style" || attribute == "src" || attribute == "href" && !strings.HasPrefix(value, "#") && value != "data:," {
					t.Errorf("%s: %s %s=%q", name, e.name, attribute, value)
				}
			}
			if e.name == "style" && !strings.Contains(policy, digest(e.text)) || e.name == "script" && !strings.Contains(policy, digest(e.text)) {
				t.Errorf("%s: the policy %q does not allow its own %s", name, policy, e.name)
			}
		}
		for _, wanted := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'"} {
			if !strings.Contains(policy, wanted) {
				t.Errorf("%s: the policy %q lacks %s", name, policy, wanted)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %s", name, policy)
		}
	}
}

// stores are what a report can be written to.
func stores(t *testing.T) map[string]Store {
	t.Helper()
	s := &buckets.Store{}
	s.Create(buckets.Bucket{Name: "evidence", Versioned: true})
	client := s3.New(s3.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String("https://s3.invalid"), HTTPClient: &http.Client{Transport: inMemory{s}},
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
	})
	return map[string]Store{
		"memory": newMemory(), "a directory": Directory(filepath.Join(t.TempDir(), "report")),
		"a bucket": Bucket{Client: client, Name: "evidence", Prefix: "reviews/r1/report/"},
	}
}

type inMemory struct{ store *buckets.Store }

func (m inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	return m.store.RoundTrip("s3.invalid", r)
}

func TestStoresKeepWhatWasWrittenWhole(t *testing.T) {
	t.Parallel()
	for name, store := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ReadManifest(t.Context(), store); !fault.Is[*fault.NotFound](err) {
				t.Errorf("before anything is written: %v", err)
			}
			m, err := Write(t.Context(), sampleReview(false), yielding(sampleFindings(30, false)), store)
			if err != nil {
				t.Fatal(err)
			}
			read, err := ReadManifest(t.Context(), store)
			if err != nil || read.Hash() != m.Hash() {
				t.Fatal(err)
			}
			if v, err := Verify(t.Context(), read, store); err != nil || !v.OK() {
				t.Fatal(v, err)
			}
			torn := errors.New("torn")
			err = store.Put(t.Context(), PageFile, htmlType, func(w io.Writer) error {
				_, _ = io.WriteString(w, "half a page")
				return torn
			})
			if !errors.Is(err, torn) {
				t.Errorf("the error of a file that could not be finished is %v", err)
			}
			if v, err := Verify(t.Context(), read, store); err != nil || !v.OK() {
				t.Errorf("after a file that could not be finished: %v, %v", v, err)
			}
		})
	}
}

func TestADirectoryGivesNothingFromOutside(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := Directory(filepath.Join(root, "report"))
	if _, err := Write(t.Context(), sampleReview(false), yielding(nil), d); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Open(t.Context(), "../secret"); err == nil {
		t.Error("a file outside of the directory was read")
	}
}
