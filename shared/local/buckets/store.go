package buckets

import (
	"bytes"
	"crypto/md5" //nolint:gosec // S3's ETag of a small object is its MD5
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Bucket describes a bucket.
type Bucket struct {
	Name string
	// Versioned buckets keep what is overwritten or deleted.
	Versioned bool
	// Lock is the default retention of what is put; the zero value is none.
	Lock Retention
}

// Retention keeps a version from being deleted.
type Retention struct {
	// Mode is GOVERNANCE or COMPLIANCE; empty is no retention. Nobody has the
	// permission to bypass governance here.
	Mode string
	Days int
}

// Version is one version of an object, or a delete marker.
type Version struct {
	ID      string
	At      time.Time
	Content []byte
	// SHA256 is the checksum that came with the content, in base64; usually empty.
	SHA256 string
	// Marker is true of a delete marker.
	Marker bool
	// Until is when the version may be deleted; zero when at any time.
	Until time.Time

	serial int
	tag    string
}

// Store is S3. The zero value is one without buckets; it is safe for concurrent
// use.
type Store struct {
	mu      sync.Mutex
	buckets map[string]*bucket
	serial  int
	calls   map[string]int
}

type bucket struct {
	Bucket
	// versions are an object's, the latest first.
	versions map[string][]Version
	// keys are in order; nil when they have to be ordered again.
	keys []string
}

// Create makes a bucket; one that is there keeps what it holds.
func (s *Store) Create(b Bucket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets == nil {
		s.buckets, s.calls = map[string]*bucket{}, map[string]int{}
	}
	if s.buckets[b.Name] == nil {
		s.buckets[b.Name] = &bucket{Bucket: b, versions: map[string][]Version{}}
	}
}

// Put puts an object as its owner would. A bucket that does not exist is a
// mistake of the caller's and panics.
func (s *Store) Put(name, key string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	if b == nil {
		panic("buckets: there is no bucket " + name)
	}
	s.put(b, key, Version{Content: bytes.Clone(content)})
}

// Get is the latest version's content; found is false when there is none.
func (s *Store) Get(name, key string) (content []byte, found bool) {
	versions := s.Versions(name, key)
	if len(versions) == 0 || versions[0].Marker {
		return nil, false
	}
	return bytes.Clone(versions[0].Content), true
}

// Versions are all versions of an object, the latest first.
func (s *Store) Versions(name, key string) []Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.buckets[name]; b != nil {
		return slices.Clone(b.versions[key])
	}
	return nil
}

// Keys are those of all objects that are there, in order.
func (s *Store) Keys(name string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	if b := s.buckets[name]; b != nil {
		for _, key := range b.ordered() {
			if !b.versions[key][0].Marker {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// Tamper replaces, or with nil removes, an object with everything that is known
// of it, whatever locks it: what no caller of S3 can do, for tests of what would
// be found if one could.
func (s *Store) Tamper(name, key string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	b.keys = nil
	delete(b.versions, key)
	if content != nil {
		s.put(b, key, Version{Content: content})
	}
}

// Calls tells how many calls of each operation ("PutObject") there were.
func (s *Store) Calls(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[operation]
}

func (s *Store) put(b *bucket, key string, v Version) Version {
	s.serial++
	v.serial, v.At = s.serial, time.Now()
	sum := md5.Sum(v.Content) //nolint:gosec // see above
	v.tag = `"` + hex.EncodeToString(sum[:]) + `"`
	v.ID = "null"
	if b.Versioned {
		v.ID = fmt.Sprintf("v%012d", s.serial)
	}
	if b.Lock.Mode != "" && !v.Marker && v.Until.IsZero() {
		v.Until = v.At.Add(time.Duration(b.Lock.Days) * 24 * time.Hour)
	}
	if len(b.versions[key]) == 0 {
		b.keys = nil
	}
	if b.Versioned {
		b.versions[key] = append([]Version{v}, b.versions[key]...)
	} else {
		b.versions[key] = []Version{v}
	}
	return v
}

// remove deletes an object, or one version of it. locked is true when that
// version may not be deleted yet.
func (s *Store) remove(b *bucket, key, id string) (marker Version, locked bool) {
	if id == "" {
		if b.Versioned {
			return s.put(b, key, Version{Marker: true}), false
		}
		delete(b.versions, key)
		b.keys = nil
		return Version{}, false
	}
	i := slices.IndexFunc(b.versions[key], func(v Version) bool { return v.ID == id })
	if i < 0 {
		return Version{}, false
	}
	if time.Now().Before(b.versions[key][i].Until) {
		return Version{}, true
	}
	b.versions[key] = slices.Delete(slices.Clone(b.versions[key]), i, i+1)
	if len(b.versions[key]) == 0 {
		delete(b.versions, key)
		b.keys = nil
	}
	return Version{}, false
}

func (b *bucket) ordered() []string {
	if b.keys == nil {
		b.keys = make([]string, 0, len(b.versions))
		for key := range b.versions {
			b.keys = append(b.keys, key)
		}
		slices.Sort(b.keys)
	}
	return b.keys
}

func (v Version) etag() string { return v.tag }
