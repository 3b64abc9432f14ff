package buckets

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// mostKeys is how many keys a page of a listing has.
const mostKeys = 1000

// listing is what a listing asks for.
type listing struct {
	prefix, delimiter, after string
	most                     int
	encoded                  bool
}

func (r request) listing(after, token string) listing {
	query := r.URL.Query()
	l := listing{prefix: query.Get("prefix"), delimiter: query.Get("delimiter"), after: query.Get(after), most: mostKeys, encoded: query.Get("encoding-type") == "url"}
	if n, err := strconv.Atoi(query.Get("max-keys")); err == nil {
		l.most = min(n, mostKeys)
	}
	if token != "" && query.Get(token) != "" {
		l.after = query.Get(token)
	}
	return l
}

// page is an answer to either kind of listing.
type page struct {
	XMLName               xml.Name
	Name, Prefix          string
	KeyCount              int    `xml:",omitempty"`
	MaxKeys               int    `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	IsTruncated           bool
	NextContinuationToken string          `xml:",omitempty"`
	NextKeyMarker         string          `xml:",omitempty"`
	NextVersionIDMarker   string          `xml:"NextVersionIdMarker,omitempty"`
	Contents              []listedObject  `xml:",omitempty"`
	Version               []listedVersion `xml:",omitempty"`
	DeleteMarker          []listedVersion `xml:",omitempty"`
	CommonPrefixes        []commonPrefix  `xml:",omitempty"`
}

type listedObject struct {
	Key, LastModified, ETag string
	Size                    int
}

type listedVersion struct {
	Key, LastModified string
	VersionID         string `xml:"VersionId"`
	IsLatest          bool
	ETag              string `xml:",omitempty"`
	Size              int
}

type commonPrefix struct{ Prefix string }

// written is how S3 writes times into listings.
const written = "2006-01-02T15:04:05.000Z"

// from is where in the order of keys a listing goes on.
func (b *bucket) from(l listing) []string {
	keys := b.ordered()
	first := sort.SearchStrings(keys, max(l.prefix, l.after))
	keys = keys[first:]
	end := slices.IndexFunc(keys, func(key string) bool { return !strings.HasPrefix(key, l.prefix) && key > l.prefix })
	if end >= 0 {
		keys = keys[:end]
	}
	return keys
}

// under is the common prefix that a key is listed under; empty when by itself.
func (l listing) under(key string) string {
	if l.delimiter == "" {
		return ""
	}
	if i := strings.Index(key[len(l.prefix):], l.delimiter); i >= 0 {
		return key[:len(l.prefix)+i+len(l.delimiter)]
	}
	return ""
}

// objects lists what is there; what a delete marker hides is not.
func (b *bucket) objects(l listing) page {
	p := page{XMLName: xml.Name{Local: "ListBucketResult"}, Name: b.Name, Prefix: l.prefix, MaxKeys: l.most}
	last := ""
	for _, key := range b.from(l) {
		under := l.under(key)
		switch {
		case b.versions[key][0].Marker, key <= l.after, under != "" && (under == last || strings.HasPrefix(l.after, under)):
			continue
		case p.KeyCount == l.most:
			p.IsTruncated, p.NextContinuationToken = true, last
			return p.encode(l)
		case under != "":
			p.CommonPrefixes = append(p.CommonPrefixes, commonPrefix{under})
			last = under
		default:
			v := b.versions[key][0]
			p.Contents = append(p.Contents, listedObject{key, v.At.UTC().Format(written), v.etag(), len(v.Content)})
			last = key
		}
		p.KeyCount++
	}
	return p.encode(l)
}

// allVersions lists every version and delete marker behind a key and a version
// of it.
func (b *bucket) allVersions(l listing, marker string) page {
	p := page{XMLName: xml.Name{Local: "ListVersionsResult"}, Name: b.Name, Prefix: l.prefix, MaxKeys: l.most}
	n := 0
	for _, key := range b.from(l) {
		versions := b.versions[key]
		if key == l.after {
			i := slices.IndexFunc(versions, func(v Version) bool { return v.ID == marker })
			if i < 0 {
				continue
			}
			versions = versions[i+1:]
		}
		for _, v := range versions {
			if n == l.most {
				p.IsTruncated = true
				return p.encode(l)
			}
			entry := listedVersion{Key: key, LastModified: v.At.UTC().Format(written), VersionID: v.ID, IsLatest: v.ID == b.versions[key][0].ID}
			if v.Marker {
				p.DeleteMarker = append(p.DeleteMarker, entry)
			} else {
				entry.ETag, entry.Size = v.etag(), len(v.Content)
				p.Version = append(p.Version, entry)
			}
			p.NextKeyMarker, p.NextVersionIDMarker = key, v.ID
			n++
		}
	}
	p.NextKeyMarker, p.NextVersionIDMarker = "", ""
	return p.encode(l)
}

// encode writes keys as the caller asked for them.
func (p page) encode(l listing) page {
	if !l.encoded {
		return p
	}
	p.EncodingType = "url"
	encode := func(s *string) { *s = strings.ReplaceAll(url.QueryEscape(*s), "%2F", "/") }
	encode(&p.Prefix)
	encode(&p.NextKeyMarker)
	for i := range p.Contents {
		encode(&p.Contents[i].Key)
	}
	for i := range p.Version {
		encode(&p.Version[i].Key)
	}
	for i := range p.DeleteMarker {
		encode(&p.DeleteMarker[i].Key)
	}
	for i := range p.CommonPrefixes {
		encode(&p.CommonPrefixes[i].Prefix)
	}
	return p
}

func list(r request, p page) (*http.Response, error) {
	body, err := xml.Marshal(p)
	if err != nil {
		return nil, err
	}
	response := reply(r.Request, http.StatusOK, append([]byte(xml.Header), body...))
	response.Header.Set("Content-Type", "application/xml")
	return response, nil
}

// Locked tells until when each version of an object cannot be deleted.
func (s *Store) Locked(name, key string) (until []time.Time) {
	for _, v := range s.Versions(name, key) {
		until = append(until, v.Until)
	}
	return until
}
