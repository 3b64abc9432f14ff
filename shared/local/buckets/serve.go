package buckets

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// request is one call.
type request struct {
	*http.Request

	bucket *bucket
	key    string
}

// RoundTrip answers one call. host is what path-style requests are sent to; the
// bucket of others is the first part of their host.
func (s *Store) RoundTrip(host string, r *http.Request) (*http.Response, error) {
	name, _, _ := strings.Cut(r.URL.Host, ".")
	key := strings.TrimPrefix(r.URL.Path, "/")
	if r.URL.Host == host {
		name, key, _ = strings.Cut(key, "/")
	}
	operation, err := operationOf(r, key)
	if err != nil {
		return nil, err
	}
	content, err := contentOf(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	if b == nil {
		return refuse(r, http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist"), nil
	}
	s.calls[operation]++
	return s.answer(operation, request{r, b, key}, content)
}

// known are the parameters that calls may have; anything else would ask for what
// is not done.
var known = []string{
	"x-id", "versionId", "list-type", "versions", "prefix", "delimiter", "max-keys", "start-after", "continuation-token", "key-marker", "version-id-marker",
	"encoding-type", "fetch-owner",
}

func operationOf(r *http.Request, key string) (string, error) {
	query := r.URL.Query()
	for name := range query {
		if !slices.Contains(known, name) && !strings.HasPrefix(name, "X-Amz-") {
			return "", fmt.Errorf("the embedded S3 does not know the parameter %s", name)
		}
	}
	switch {
	case key == "" && r.Method == http.MethodGet && query.Has("versions"):
		return "ListObjectVersions", nil
	case key == "" && r.Method == http.MethodGet && query.Get("list-type") == "2":
		return "ListObjectsV2", nil
	case key != "" && r.Method == http.MethodGet:
		return "GetObject", nil
	case key != "" && r.Method == http.MethodHead:
		return "HeadObject", nil
	case key != "" && r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") == "":
		return "PutObject", nil
	case key != "" && r.Method == http.MethodDelete:
		return "DeleteObject", nil
	}
	return "", fmt.Errorf("the embedded S3 does not do %s %s", r.Method, r.URL)
}

// contentOf reads a body: one that is sent in chunks is refused rather than kept
// as if the chunks' lengths were its content.
func contentOf(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	if strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		return nil, errors.New("the embedded S3 takes no chunked body")
	}
	return io.ReadAll(r.Body)
}

func (s *Store) answer(operation string, r request, content []byte) (*http.Response, error) {
	switch operation {
	case "PutObject":
		return s.write(r, content), nil
	case "DeleteObject":
		marker, locked := s.remove(r.bucket, r.key, r.URL.Query().Get("versionId"))
		if locked {
			return refuse(r.Request, http.StatusForbidden, "AccessDenied", "Access Denied because object protected by object lock."), nil
		}
		response := reply(r.Request, http.StatusNoContent, nil)
		if marker.Marker {
			response.Header.Set("X-Amz-Delete-Marker", "true")
			response.Header.Set("X-Amz-Version-Id", marker.ID)
		}
		return response, nil
	case "GetObject", "HeadObject":
		return s.read(r), nil
	case "ListObjectsV2":
		return list(r, r.bucket.objects(r.listing("start-after", "continuation-token")))
	default:
		return list(r, r.bucket.allVersions(r.listing("key-marker", ""), r.URL.Query().Get("version-id-marker")))
	}
}

func (s *Store) write(r request, content []byte) *http.Response {
	v := Version{Content: content, SHA256: r.Header.Get("X-Amz-Checksum-Sha256")}
	if sum := sha256.Sum256(content); v.SHA256 != "" && v.SHA256 != base64.StdEncoding.EncodeToString(sum[:]) {
		return refuse(r.Request, http.StatusBadRequest, "BadDigest", "The SHA256 you specified did not match the calculated checksum.")
	}
	var now *Version
	if versions := r.bucket.versions[r.key]; len(versions) > 0 && !versions[0].Marker {
		now = &versions[0]
	}
	match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	if match != "" && (now == nil || now.etag() != match) || none == "*" && now != nil {
		return refuse(r.Request, http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	}
	if until := r.Header.Get("X-Amz-Object-Lock-Retain-Until-Date"); until != "" {
		at, err := time.Parse(time.RFC3339, until)
		if err != nil || r.bucket.Lock.Mode == "" {
			return refuse(r.Request, http.StatusBadRequest, "InvalidRequest", "Bucket is missing Object Lock Configuration")
		}
		v.Until = at
	}
	v = s.put(r.bucket, r.key, v)
	response := reply(r.Request, http.StatusOK, nil)
	response.Header.Set("ETag", v.etag())
	if r.bucket.Versioned {
		response.Header.Set("X-Amz-Version-Id", v.ID)
	}
	return response
}

func (s *Store) read(r request) *http.Response {
	versions, id := r.bucket.versions[r.key], r.URL.Query().Get("versionId")
	i := slices.IndexFunc(versions, func(v Version) bool { return id == "" || v.ID == id })
	if i < 0 || versions[i].Marker {
		return refuse(r.Request, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	}
	v := versions[i]
	if r.Header.Get("If-None-Match") == v.etag() {
		return reply(r.Request, http.StatusNotModified, nil)
	}
	response := reply(r.Request, http.StatusOK, v.Content)
	if span := r.Header.Get("Range"); span != "" {
		response = part(r.Request, v.Content, span)
	}
	if r.Method == http.MethodHead {
		response.Body = http.NoBody
	}
	response.Header.Set("Content-Type", "application/octet-stream")
	response.Header.Set("ETag", v.etag())
	response.Header.Set("Last-Modified", v.At.UTC().Format(http.TimeFormat))
	if r.bucket.Versioned {
		response.Header.Set("X-Amz-Version-Id", v.ID)
	}
	if !v.Until.IsZero() {
		response.Header.Set("X-Amz-Object-Lock-Mode", r.bucket.Lock.Mode)
		response.Header.Set("X-Amz-Object-Lock-Retain-Until-Date", v.Until.UTC().Format(time.RFC3339))
	}
	return response
}

// part is the answer to a GetObject that asks for some bytes: "bytes=0-99".
func part(r *http.Request, content []byte, span string) *http.Response {
	var from, to int
	if n, err := fmt.Sscanf(span, "bytes=%d-%d", &from, &to); err != nil || n != 2 || from > to || from >= len(content) {
		return refuse(r, http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable")
	}
	to = min(to, len(content)-1)
	response := reply(r, http.StatusPartialContent, content[from:to+1])
	response.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(content)))
	return response
}

func reply(r *http.Request, status int, body []byte) *http.Response {
	return &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}, Request: r,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func refuse(r *http.Request, status int, code, message string) *http.Response {
	body, err := xml.Marshal(struct {
		XMLName       xml.Name `xml:"Error"`
		Code, Message string
	}{Code: code, Message: message})
	if err != nil {
		panic(err)
	}
	response := reply(r, status, append([]byte(xml.Header), body...))
	response.Header.Set("Content-Type", "application/xml")
	return response
}
