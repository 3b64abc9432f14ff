package audit

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	ledger "lifecycle/shared/audit"
)

// Verifier holds the ledger against itself and against its archive.
type Verifier struct {
	ledger *ledger.Ledger
	vault  *Vault
	grace  time.Duration
}

// NewVerifier returns the verifier of a ledger and its archive; without an archive
// the ledger is held against itself alone.
func NewVerifier(l *ledger.Ledger, v *Vault) *Verifier {
	return &Verifier{ledger: l, vault: v, grace: grace}
}

// Where something is wrong.
const (
	// InTable: the chain in the table is broken.
	InTable = "table"
	// InArchive: a copy is missing, hidden, or was written over.
	InArchive = "archive"
	// Between: table and archive differ, and the archive cannot have been changed.
	Between = "table and archive"
)

// Problem is something that is wrong with a record.
type Problem struct {
	Stream string `json:"stream"`
	Seq    int64  `json:"seq"`
	Where  string `json:"where"`
	Text   string `json:"problem"`
}

func (p Problem) String() string {
	return fmt.Sprintf("%s: record %d (%s): %s", p.Stream, p.Seq, p.Where, p.Text)
}

// Checked is what a verification found.
type Checked struct {
	Streams int `json:"streams"`
	// Records are in the table, Archived of them in the archive too, Pending of them
	// not yet, and too young to worry.
	Records  int `json:"records"`
	Archived int `json:"archived"`
	Pending  int `json:"pending"`
	// Problems are what is wrong, in each stream the first record first.
	Problems []Problem `json:"problems"`
	// More is how many further problems there were.
	More int `json:"more_problems,omitempty"`
}

// mostProblems is how many problems are told one by one.
const mostProblems = 100

// OK reports whether nothing is wrong.
func (c *Checked) OK() bool { return len(c.Problems) == 0 }

func (c *Checked) String() string {
	if !c.OK() {
		return fmt.Sprintf("%d problems in %d streams, the first: %s", len(c.Problems)+c.More, c.Streams, c.Problems[0])
	}
	text := fmt.Sprintf("%d records in %d streams, all intact; %d archived", c.Records, c.Streams, c.Archived)
	if c.Pending > 0 {
		text += fmt.Sprintf(", %d on their way", c.Pending)
	}
	return text
}

func (c *Checked) add(d *Checked) {
	c.Streams += d.Streams
	c.Records += d.Records
	c.Archived += d.Archived
	c.Pending += d.Pending
	c.More += d.More
	for _, p := range d.Problems {
		c.found(p)
	}
}

func (c *Checked) found(p Problem) {
	if len(c.Problems) == mostProblems {
		c.More++
		return
	}
	c.Problems = append(c.Problems, p)
}

// grace is how old a record may be before it has to be in the archive.
const grace = 15 * time.Minute

// Stream verifies one stream. With content the text of each copy is read, else its
// key is taken for what is in it: S3 has held the content against it.
func (v *Verifier) Stream(ctx context.Context, stream string, content bool) (*Checked, error) {
	x, err := v.ledger.Examine(ctx, stream)
	if err != nil {
		return nil, err
	}
	c := &Checked{Streams: 1, Records: len(x.Links), Problems: []Problem{}}
	var problems []Problem
	if !x.OK() {
		problems = append(problems, Problem{stream, x.Bad, InTable, x.Problem})
	}
	if v.vault != nil {
		copies, err := v.vault.Copies(ctx, stream)
		if err != nil {
			return nil, err
		}
		problems = append(problems, c.compare(stream, x.Links, copies, v.grace)...)
		if content {
			bad, err := v.readAll(ctx, stream, copies)
			if err != nil {
				return nil, err
			}
			problems = append(problems, bad...)
		}
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, p := range problems {
		c.found(p)
	}
	return c, nil
}

// compare holds what is in the table against what is in the archive, both ways.
func (c *Checked) compare(stream string, links []ledger.Link, copies []Copy, grace time.Duration) (problems []Problem) {
	wrong := func(seq int64, where, text string) {
		problems = append(problems, Problem{stream, seq, where, text})
	}
	archived := map[int64][]Copy{}
	for _, copied := range copies {
		archived[copied.Seq] = append(archived[copied.Seq], copied)
		switch {
		case copied.Versions == 0:
			wrong(copied.Seq, InArchive, "only a delete marker is left of its copy")
		case copied.Hidden:
			wrong(copied.Seq, InArchive, "its copy is hidden by a delete marker")
		case copied.Versions > 1:
			wrong(copied.Seq, InArchive, fmt.Sprintf("its copy was written over: it has %d versions", copied.Versions))
		}
	}
	there := map[int64]bool{}
	for _, link := range links {
		there[link.Seq] = true
		same := slices.ContainsFunc(archived[link.Seq], func(a Copy) bool { return a.Hash == link.Hash })
		switch n := len(archived[link.Seq]); {
		case n > 1:
			wrong(link.Seq, Between, fmt.Sprintf("the stream was forked: the archive holds %d records with this number", n))
		case n == 1 && !same:
			wrong(link.Seq, Between, "it was altered after it was archived: the archive holds another")
		case n == 0 && time.Since(link.At) > grace:
			wrong(link.Seq, InArchive, "it is not in the archive: it was added behind the archive's back, or its copy was never made")
		case n == 0:
			c.Pending++
		default:
			c.Archived++
		}
	}
	for seq := range archived {
		if !there[seq] {
			wrong(seq, Between, "it was deleted from the table after it was archived")
		}
	}
	return problems
}

func (v *Verifier) readAll(ctx context.Context, stream string, copies []Copy) (problems []Problem, err error) {
	for _, c := range copies {
		if c.Versions == 0 {
			continue
		}
		_, intact, err := v.vault.content(ctx, c)
		if err != nil {
			return nil, err
		}
		if !intact {
			problems = append(problems, Problem{stream, c.Seq, InArchive, "its copy is not what the copy's name says"})
		}
	}
	return problems, nil
}

// All verifies every stream of the table and of the archive.
func (v *Verifier) All(ctx context.Context, content bool) (*Checked, error) {
	all := &Checked{Problems: []Problem{}}
	for stream, err := range v.ledger.Streams(ctx) {
		if err != nil {
			return all, err
		}
		if err := v.addStream(ctx, stream, content, all); err != nil {
			return all, err
		}
	}
	if v.vault == nil {
		return all, nil
	}
	return all, v.Gone(ctx, v.vault.Streams(ctx, ""), func(stream string) error { return v.addStream(ctx, stream, content, all) })
}

func (v *Verifier) addStream(ctx context.Context, stream string, content bool, to *Checked) error {
	one, err := v.Stream(ctx, stream, content)
	if err == nil {
		to.add(one)
	}
	return err
}

// Gone calls do for each of the archived streams of which the table has no head:
// whoever deletes a whole stream leaves it out of every list that the table gives.
func (v *Verifier) Gone(ctx context.Context, archived iter.Seq2[string, error], do func(stream string) error) error {
	var batch []string
	look := func() error {
		heads, err := v.ledger.Heads(ctx, batch)
		if err != nil {
			return err
		}
		for _, stream := range batch {
			if slices.ContainsFunc(heads, func(h ledger.Head) bool { return h.Stream == stream }) {
				continue
			}
			if err := do(stream); err != nil {
				return err
			}
		}
		batch = batch[:0]
		return nil
	}
	for stream, err := range archived {
		if err != nil {
			return err
		}
		if batch = append(batch, stream); len(batch) == 100 {
			if err := look(); err != nil {
				return err
			}
		}
	}
	return look()
}
