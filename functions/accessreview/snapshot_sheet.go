package accessreview

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"lifecycle/shared/fault"
)

// partitions is how many parts the people fall into, by a hash of the Okta user
// id. One part at a time is held: with a million users about 16,000 of them.
const partitions = 64

// partitionOf is the part that a key belongs to.
func partitionOf(key string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // never fails
	return int(h.Sum32() % partitions)
}

// sheet is what a slice of work lays down: records on piles, each pile in parts.
type sheet struct {
	piles map[string]*[partitions]bytes.Buffer
	// Counts are what the review counts: people, groups, memberships.
	counts map[string]int
	err    error
}

func newSheet() *sheet {
	return &sheet{piles: map[string]*[partitions]bytes.Buffer{}, counts: map[string]int{}}
}

// lay puts a record onto a pile, in the part of its key.
func (s *sheet) lay(pile, key string, record any) {
	line, err := json.Marshal(record)
	if err != nil && s.err == nil {
		s.err = &fault.Invalid{Message: "a record of the pile " + pile + " cannot be written", Cause: err}
		return
	}
	parts := s.piles[pile]
	if parts == nil {
		parts = &[partitions]bytes.Buffer{}
		s.piles[pile] = parts
	}
	part := &parts[partitionOf(key)]
	part.Write(line)
	part.WriteByte('\n')
}

// squeezers are kept: making one takes longer than using it.
var squeezers = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic("accessreview: " + err.Error()) // the level is a constant
	}
	return w
}}

func squeeze(into *bytes.Buffer, content []byte) error {
	w, _ := squeezers.Get().(*gzip.Writer)
	defer squeezers.Put(w)
	w.Reset(into)
	if _, err := w.Write(content); err != nil {
		return err
	}
	return w.Close()
}

// packed is a pile's parts one behind the other, each a gzip member of its own,
// and where each begins: parts+1 offsets. The whole is gzip of NDJSON too.
func packed(parts *[partitions]bytes.Buffer) (content []byte, offsets []int, err error) {
	var b bytes.Buffer
	for i := range parts {
		offsets = append(offsets, b.Len())
		if parts[i].Len() > 0 {
			if err := squeeze(&b, parts[i].Bytes()); err != nil {
				return nil, nil, &fault.Invalid{Message: "a part of the review cannot be packed", Cause: err}
			}
		}
	}
	return b.Bytes(), append(offsets, b.Len()), nil
}

// finished is a slice that was done, as the table keeps it.
type finished struct {
	Cursor json.RawMessage  `json:"cursor,omitempty"`
	Done   bool             `json:"done"`
	Calls  int              `json:"calls"`
	Piles  map[string][]int `json:"piles,omitempty"`
	Counts map[string]int   `json:"counts,omitempty"`
	At     time.Time        `json:"at"`
}

func sliceKey(review string, at slice) key {
	return key{"review#" + review, fmt.Sprintf("slice#%s#%06d", at.Branch, at.Number)}
}

func pileKey(review, pile, name string) string {
	return "reviews/" + review + "/snapshot/" + pile + "/" + name + ".ndjson.gz"
}

func sliceName(at slice) string { return fmt.Sprintf("%s-%06d", at.Branch, at.Number) }

// sliceDone is the slice as it was finished; nil when it was not.
func (s *Store) sliceDone(ctx context.Context, review string, at slice) (*finished, error) {
	found, err := s.table.get(ctx, sliceKey(review, at))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return finishedOf(found)
}

func finishedOf(i item) (*finished, error) {
	var f finished
	if err := json.Unmarshal([]byte(textOf(i["slice"])), &f); err != nil {
		return nil, &fault.Conflict{Message: "the item " + textOf(i["sk"]) + " of " + textOf(i["pk"]) + " is damaged", Cause: err}
	}
	return &f, nil
}

// finishSlice keeps what a slice has laid down, and then that it is done.
func (s *Store) finishSlice(ctx context.Context, review string, at slice, to position, laid *sheet) error {
	if laid.err != nil {
		return laid.err
	}
	f := finished{Done: to.Done, Calls: to.Calls, Piles: map[string][]int{}, Counts: laid.counts, At: time.Now().UTC()}
	for _, pile := range slices.Sorted(maps.Keys(laid.piles)) {
		content, offsets, err := packed(laid.piles[pile])
		if err != nil {
			return err
		}
		if err := s.jot(ctx, pileKey(review, pile, sliceName(at)), "application/gzip", content); err != nil {
			return err
		}
		f.Piles[pile] = offsets
	}
	var err error
	if f.Cursor, err = json.Marshal(to.Cursor); err != nil {
		return &fault.Invalid{Message: "the place where the review goes on cannot be kept", Cause: err}
	}
	content, err := json.Marshal(f)
	if err != nil {
		return &fault.Invalid{Message: "a slice of the review cannot be kept", Cause: err}
	}
	return s.table.put(ctx, sliceKey(review, at), item{"slice": text(string(content))})
}

// stacks are the piles of a review, as the finished slices have laid them.
type stacks struct {
	store  *Store
	review string
	sheets map[string][]stacked // by pile
	// calls are those that were made, by branch; counts what was counted.
	calls  map[string]int
	counts map[string]int
	// read is when the last page was.
	read time.Time
}

// stacked is a slice's share of a pile.
type stacked struct {
	name    string
	offsets []int
}

// stacks reads which slices there are.
func (s *Store) stacks(ctx context.Context, review string) (*stacks, error) {
	all := &stacks{store: s, review: review, sheets: map[string][]stacked{}, calls: map[string]int{}, counts: map[string]int{}}
	for one, err := range s.table.under(ctx, key{"review#" + review, "slice#"}) {
		if err != nil {
			return nil, err
		}
		f, err := finishedOf(one)
		if err != nil {
			return nil, err
		}
		branch, number, _ := bytes.Cut([]byte(textOf(one["sk"])[len("slice#"):]), []byte("#"))
		for pile, offsets := range f.Piles {
			if len(offsets) != partitions+1 {
				return nil, &fault.Conflict{Message: "the review " + review + " was begun with another number of parts; start a new one"}
			}
			all.sheets[pile] = append(all.sheets[pile], stacked{string(branch) + "-" + string(number), offsets})
		}
		all.calls[string(branch)] += f.Calls
		if string(branch) != matchBranch && f.At.After(all.read) {
			all.read = f.At
		}
		for name, n := range f.Counts {
			all.counts[name] += n
		}
	}
	return all, nil
}

// part reads the records of one part of a pile.
func part[T any](ctx context.Context, from *stacks, pile string, n int, do func(T) error) error {
	for _, sheet := range from.sheets[pile] {
		begin, end := sheet.offsets[n], sheet.offsets[n+1]
		if begin == end {
			continue
		}
		place := pileKey(from.review, pile, sheet.name)
		content, err := from.store.part(ctx, place, begin, end-begin)
		if err != nil {
			return err
		}
		if err := unpack(bytes.NewReader(content), from.store.place(place), do); err != nil {
			return err
		}
	}
	return nil
}

// whole reads all records of a pile, of which there have to be few.
func whole[T any](ctx context.Context, from *stacks, pile string, do func(T) error) error {
	for _, sheet := range from.sheets[pile] {
		place := pileKey(from.review, pile, sheet.name)
		content, err := from.store.read(ctx, place)
		if err != nil {
			return err
		}
		if err := unpack(bytes.NewReader(content), from.store.place(place), do); err != nil {
			return err
		}
	}
	return nil
}

// unpack reads gzip of NDJSON, of one member or several.
func unpack[T any](from io.Reader, place string, do func(T) error) error {
	unpacked, err := gzip.NewReader(from)
	if err == io.EOF { //nolint:errorlint // what an empty object gives
		return nil
	}
	if err != nil {
		return &fault.Conflict{Message: place + " is damaged", Cause: err}
	}
	for record, err := range lines[T](unpacked, place) {
		if err == nil {
			err = do(record)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
