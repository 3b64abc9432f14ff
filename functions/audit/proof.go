package audit

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// Proof is what an NDJSON export proves by itself, to whoever trusts nothing but
// SHA-256.
//
// The recipe, for whoever would rather do it by hand: the SHA-256 of each line's
// "body" is its "hash"; "previous" in the body is the hash of the record before in
// the same stream; the line of type "head" with the same number has the same hash.
type Proof struct {
	Streams int
	Records int
	// Gaps is how many records between two of the same stream are not in the export:
	// none in one of a ticket or of a period, some in one of a person.
	Gaps int64
	// Problems are what is wrong, in the order of the lines.
	Problems []Problem
}

// OK reports whether nothing is wrong. whole says that the export is of a period
// or a ticket, and has no gaps therefore.
func (p *Proof) OK(whole bool) bool { return len(p.Problems) == 0 && (!whole || p.Gaps == 0) }

func (p *Proof) String() string {
	if len(p.Problems) > 0 {
		return fmt.Sprintf("%d problems, the first: %s", len(p.Problems), p.Problems[0])
	}
	return fmt.Sprintf("%d records in %d streams follow from each other; %d between them are not in the export", p.Records, p.Streams, p.Gaps)
}

// tail is the last record of a stream that was read.
type tail struct {
	seq  int64
	hash string
}

// inExport is where a problem of an export is.
const inExport = "export"

// longestLine is the longest line of an export: a record has two values of 32 KB
// at most, which JSON within JSON makes longer.
const longestLine = 1 << 20

// Prove checks an NDJSON export, one page or all of them. Its error is the
// reader's, or says that a line is none of an export; what is wrong with the
// records is in the proof.
func Prove(export io.Reader) (*Proof, error) {
	p := &Proof{}
	tails := map[string]tail{}
	seen := map[string]map[int64]string{} // hashes that heads can be held against
	scanner := bufio.NewScanner(export)
	scanner.Buffer(nil, longestLine)
	for n := 1; scanner.Scan(); n++ {
		var l Line
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			return p, fmt.Errorf("line %d is not one of an export: %w", n, err)
		}
		switch l.Type {
		case "record":
			p.record(l, tails)
			if seen[l.Stream] == nil {
				seen[l.Stream] = map[int64]string{}
			}
			seen[l.Stream][l.Seq] = l.Hash
		case "head":
			p.head(l, seen[l.Stream])
			delete(seen, l.Stream)
		default:
			return p, fmt.Errorf("line %d is neither a record nor a head", n)
		}
	}
	p.Streams = len(tails)
	return p, scanner.Err()
}

func (p *Proof) wrong(l Line, text string) {
	p.Problems = append(p.Problems, Problem{l.Stream, l.Seq, inExport, text})
}

func (p *Proof) record(l Line, tails map[string]tail) {
	p.Records++
	var named struct {
		Stream   string `json:"stream"`
		Seq      int64  `json:"seq"`
		Previous string `json:"previous"`
	}
	before, known := tails[l.Stream]
	err := json.Unmarshal([]byte(l.Body), &named)
	switch {
	case hashOf(l.Body) != l.Hash:
		p.wrong(l, "it was altered: its hash is another")
	case err != nil || named.Stream != l.Stream || named.Seq != l.Seq || named.Previous != l.Previous:
		p.wrong(l, "it was moved: its text names another place")
	case l.Seq == 1 && l.Previous != "":
		p.wrong(l, "it is the first, and names one before it")
	case known && l.Seq == before.seq:
		p.wrong(l, "the stream was forked: there are two records with this number")
	case known && l.Seq < before.seq:
		p.wrong(l, "it was moved: it comes behind a later one")
	case known && l.Seq == before.seq+1 && l.Previous != before.hash:
		p.wrong(l, "it was replaced: it does not follow the record before it")
	case known:
		p.Gaps += l.Seq - before.seq - 1
	}
	tails[l.Stream] = tail{l.Seq, l.Hash}
}

func (p *Proof) head(l Line, records map[int64]string) {
	if hash, there := records[l.Seq]; there && hash != l.Hash {
		p.wrong(l, "it was replaced: the stream's head names another")
	}
	for seq := range records {
		if seq > l.Seq {
			p.wrong(Line{Stream: l.Stream, Seq: seq}, "it was slipped in: the stream's head names an earlier one as the last")
		}
	}
}
