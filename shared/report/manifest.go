package report

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"lifecycle/shared/fault"
)

// Manifest says what a report consists of. Its own hash (Manifest.Hash) belongs into the ledger:
// then the whole report is as provable as the ledger is.
type Manifest struct {
	Review  string    `json:"review"`
	Title   string    `json:"title"`
	Scope   string    `json:"scope"`
	Read    time.Time `json:"read"`
	Written time.Time `json:"written"`
	Rules   string    `json:"rules"`
	// Stream is the ledger's: there the steps and decisions of the review are recorded.
	Stream string `json:"stream"`
	// Findings is how many there are in each of the files, the fixed ones included.
	Findings int     `json:"findings"`
	Figures  Figures `json:"figures"`
	// Files are in the order of their names.
	Files []File `json:"files"`
}

// File is a file of the report.
type File struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Bytes int64  `json:"bytes"`
	// SHA256 is in hexadecimal, as sha256sum prints it.
	SHA256 string `json:"sha256"`
}

func manifestOf(r Review) Manifest {
	return Manifest{Review: r.ID, Title: r.Title, Scope: r.Scope, Read: r.Read, Written: time.Now().UTC(), Rules: r.Rules, Stream: r.Stream}
}

func (m Manifest) sort() {
	slices.SortFunc(m.Files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
}

// encoded is the manifest as its file holds it.
func (m Manifest) encoded() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", "  ")
	return append(text, '\n'), err
}

func (m Manifest) write(ctx context.Context, to Store) error {
	text, err := m.encoded()
	if err != nil {
		return err
	}
	return to.Put(ctx, ManifestFile, jsonType, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(text))
		return err
	})
}

// Hash is the SHA-256 of the manifest's file, in hexadecimal.
func (m Manifest) Hash() string {
	text, err := m.encoded()
	if err != nil { // there is nothing in it that JSON cannot say
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// ReadManifest reads the manifest of a report. *fault.NotFound says that there is no report, or
// that it was not finished.
func ReadManifest(ctx context.Context, from Store) (Manifest, error) {
	var m Manifest
	r, err := from.Open(ctx, ManifestFile)
	if err != nil {
		return m, err
	}
	defer r.Close()
	if err := json.NewDecoder(r).Decode(&m); err != nil {
		return m, &fault.Conflict{Message: "the manifest of the report cannot be read", Cause: err}
	}
	return m, nil
}

// Verification is what the check of a report found.
type Verification struct {
	// Files is how many were as the manifest says.
	Files int `json:"files"`
	// Bad is the first file that differs, by name; empty when none does.
	Bad string `json:"bad,omitempty"`
	// Problem says how; empty when none does.
	Problem string `json:"problem,omitempty"`
}

// OK reports whether every file is as the manifest says.
func (v Verification) OK() bool { return v.Problem == "" }

func (v Verification) String() string {
	if v.OK() {
		return fmt.Sprintf("%s, all as the manifest says", count(v.Files, "file", "files"))
	}
	return v.Bad + ": " + v.Problem
}

// Verify reads the files of a report and compares them with its manifest, in the order of their
// names. The result names the first that differs; the error is the store's.
func Verify(ctx context.Context, m Manifest, from Store) (Verification, error) {
	var v Verification
	if len(m.Files) == 0 {
		return Verification{Bad: ManifestFile, Problem: "it names no files"}, nil
	}
	for _, file := range m.Files {
		problem, err := differs(ctx, file, from)
		if err != nil {
			return v, err
		}
		if problem != "" {
			v.Bad, v.Problem = file.Name, problem
			return v, nil
		}
		v.Files++
	}
	return v, nil
}

func differs(ctx context.Context, file File, from Store) (problem string, err error) {
	r, err := from.Open(ctx, file.Name)
	var missing *fault.NotFound
	switch {
	case errors.As(err, &missing):
		return "it is missing", nil
	case err != nil:
		return "", err
	}
	defer r.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	switch got := hex.EncodeToString(sum.Sum(nil)); {
	case err != nil:
		return "", &fault.Unavailable{Message: "the report's file " + file.Name + " could not be read", Cause: err}
	case n != file.Bytes:
		return fmt.Sprintf("it has %d bytes, and had %d when the report was written", n, file.Bytes), nil
	case got != file.SHA256:
		return fmt.Sprintf("its SHA-256 is %s, and was %s when the report was written", got, file.SHA256), nil
	}
	return "", nil
}
