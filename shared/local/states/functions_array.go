package states

import (
	"errors"
	"fmt"
	"slices"
)

// mostRange is the most items that States.ArrayRange makes.
const mostRange = 1000

func array(v any) ([]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, errors.New("the first argument has to be an array")
	}
	return list, nil
}

func arrayPartition(a []any) (any, error) {
	list, err := array(a[0])
	if err != nil {
		return nil, err
	}
	size, err := whole(a[1])
	if err != nil {
		return nil, err
	}
	if size < 1 {
		return nil, errors.New("the size of a part has to be positive")
	}
	parts := []any{}
	for part := range slices.Chunk(list, int(min(size, int64(len(list))+1))) {
		parts = append(parts, part)
	}
	return parts, nil
}

func arrayContains(a []any) (any, error) {
	list, err := array(a[0])
	if err != nil {
		return nil, err
	}
	return slices.ContainsFunc(list, func(item any) bool { return equal(item, a[1]) }), nil
}

// arrayRange counts from the first argument to the second, which is included,
// by steps of the third.
func arrayRange(a []any) (any, error) {
	var n [3]int64
	for i := range n {
		var err error
		if n[i], err = whole(a[i]); err != nil {
			return nil, err
		}
	}
	from, to, by := n[0], n[1], n[2]
	if by == 0 {
		return nil, errors.New("steps of 0 lead nowhere")
	}
	list := []any{}
	for i := from; (by > 0 && i <= to) || (by < 0 && i >= to); i += by {
		if len(list) == mostRange {
			return nil, fmt.Errorf("more than %d items", mostRange)
		}
		list = append(list, i)
	}
	return list, nil
}

func arrayGetItem(a []any) (any, error) {
	list, err := array(a[0])
	if err != nil {
		return nil, err
	}
	i, err := whole(a[1])
	if err != nil {
		return nil, err
	}
	if i < 0 || i >= int64(len(list)) {
		return nil, fmt.Errorf("there is no item %d in an array of %d", i, len(list))
	}
	return list[i], nil
}

func arrayLength(a []any) (any, error) {
	list, err := array(a[0])
	return int64(len(list)), err
}

// arrayUnique drops what is there already; the first of equals stays.
func arrayUnique(a []any) (any, error) {
	list, err := array(a[0])
	if err != nil {
		return nil, err
	}
	unique := []any{}
	for _, item := range list {
		if !slices.ContainsFunc(unique, func(known any) bool { return equal(known, item) }) {
			unique = append(unique, item)
		}
	}
	return unique, nil
}
