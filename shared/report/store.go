package report

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"lifecycle/shared/fault"
)

// Store is where the files of a report go: a folder of a bucket, or of a disk.
type Store interface {
	// Put writes the file that write writes, and puts it in place only when write returns nil:
	// else the store has what it had before, and Put returns write's error. A second file may be
	// put while the first is being written.
	Put(ctx context.Context, name, contentType string, write func(io.Writer) error) error
	// Open reads a file. One that is not there is *fault.NotFound.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}

// Directory is a store on disk. It is made when the first file is put.
type Directory string

// Put implements Store.
func (d Directory) Put(_ context.Context, name, _ string, write func(io.Writer) error) error {
	if err := os.MkdirAll(string(d), 0o750); err != nil {
		return unwritten(name, err)
	}
	f, err := os.CreateTemp(string(d), ".writing-*")
	if err != nil {
		return unwritten(name, err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	if err := write(f); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return unwritten(name, err)
	}
	if err := os.Rename(f.Name(), filepath.Join(string(d), filepath.Base(name))); err != nil {
		return unwritten(name, err)
	}
	return nil
}

// Open implements Store.
func (d Directory) Open(_ context.Context, name string) (io.ReadCloser, error) {
	f, err := os.OpenInRoot(string(d), name)
	switch {
	case os.IsNotExist(err):
		return nil, &fault.NotFound{Message: "the report's file " + name + " does not exist", Cause: err}
	case err != nil:
		return nil, &fault.Unavailable{Message: "the report's file " + name + " could not be read", Cause: err}
	}
	return f, nil
}

func unwritten(name string, err error) error {
	return &fault.Unavailable{Message: "the report's file " + name + " could not be written", Cause: err}
}
