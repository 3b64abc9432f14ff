package oktasim

import (
	"encoding/base64"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// ordered keeps values in the order of a number given to each when it was
// added, so that a page can start behind a cursor although values have come and
// gone since. Removal leaves a gap that is closed once gaps outnumber values:
// adding and removing cost O(log n) on average, also with 100,000 values.
type ordered[T any] struct {
	items []item[T]
	gaps  int
}

type item[T any] struct {
	seq   int
	value T
	gone  bool
}

// add appends; seq must be higher than every one before it.
func (o *ordered[T]) add(seq int, value T) {
	o.items = append(o.items, item[T]{seq: seq, value: value})
}

func (o *ordered[T]) remove(seq int) {
	i := o.find(seq)
	if i == len(o.items) || o.items[i].seq != seq || o.items[i].gone {
		return
	}
	var none T
	o.items[i].value, o.items[i].gone = none, true
	o.gaps++
	if o.gaps > 16 && o.gaps > len(o.items)/2 {
		o.items = slices.DeleteFunc(o.items, func(it item[T]) bool { return it.gone })
		o.gaps = 0
	}
}

func (o *ordered[T]) find(seq int) int {
	i, _ := slices.BinarySearchFunc(o.items, seq, func(it item[T], want int) int { return it.seq - want })
	return i
}

func (o *ordered[T]) len() int { return len(o.items) - o.gaps }

// after yields number and value of everything added behind seq.
func (o *ordered[T]) after(seq int) iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i := o.find(seq + 1); i < len(o.items); i++ {
			if !o.items[i].gone && !yield(o.items[i].seq, o.items[i].value) {
				return
			}
		}
	}
}

func (o *ordered[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, value := range o.after(0) {
			if !yield(value) {
				return
			}
		}
	}
}

// slice returns up to limit values behind the cursor for which keep is true,
// and the cursor of the next page, 0 when there is none.
func (o *ordered[T]) slice(cursor, limit int, keep func(T) bool) (values []T, next int) {
	last := 0
	for seq, value := range o.after(cursor) {
		if keep != nil && !keep(value) {
			continue
		}
		if len(values) == limit {
			return values, last
		}
		values, last = append(values, value), seq
	}
	return values, 0
}

// Cursors are opaque to callers: "treat the link as an opaque value, follow it,
// don't parse it" (spec, listApplications).
func encodeCursor(seq int) string {
	return base64.RawURLEncoding.EncodeToString([]byte("after:" + strconv.Itoa(seq)))
}

func decodeCursor(text string) (int, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return 0, false
	}
	number, found := strings.CutPrefix(string(raw), "after:")
	seq, err := strconv.Atoi(number)
	return seq, found && err == nil && seq >= 0
}
