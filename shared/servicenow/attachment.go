package servicenow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// fileName is what the instance keeps as it is.
var fileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Attach puts a file on a record, once for the same name and content: a longer
// log under the same name is added, the same one is not. The name may hold
// letters, digits, dots, hyphens and underscores. An instance has a list of the
// extensions it takes, and a largest size; beyond them it answers with
// *fault.Denied or *fault.Invalid.
func (c *Client) Attach(ctx context.Context, ref Ref, name, contentType string, content []byte, why audit.Reason) error {
	if err := ref.check(); err != nil {
		return err
	}
	if !fileName.MatchString(name) || len(content) == 0 {
		return &fault.Invalid{Message: fmt.Sprintf("the file cannot be attached to %s: its name must be of letters, digits, dots, hyphens and underscores, and it must not be empty", ref)}
	}
	f := file{ref: ref, name: name, size: len(content), hash: hashOf(string(content))}
	after := map[string]any{nameColumn: name, "size": f.size, "sha256": f.hash}
	_, err := c.once(ctx, addition{
		change: audit.Change{
			System: system, Verb: "attachment.add", Target: ref.String(), Reason: why, Key: name + "/" + f.hash, After: after,
		},
		look: func(ctx context.Context) (bool, audit.Effect, error) {
			found, err := c.attached(ctx, f)
			return found, audit.Effect{After: after}, err
		},
		add: func(ctx context.Context, _ audit.Attempt) (audit.Effect, error) {
			out, err := c.do(ctx, call{
				what: "ServiceNow: attaching " + name + " to " + ref.String(), method: http.MethodPost, path: "/api/now/attachment/file",
				query: url.Values{ownerTable: {ref.Table}, ownerColumn: {ref.SysID}, "file_name": {name}},
				body:  content, contentType: contentType,
			})
			return audit.Effect{After: after, RequestID: out.requestID}, err
		},
	})
	return err
}

// file is what tells one attachment from another.
type file struct {
	ref  Ref
	name string
	size int
	hash string // SHA-256, hexadecimal
}

func hashOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// attached looks for the file among the record's attachments.
func (c *Client) attached(ctx context.Context, f file) (bool, error) {
	what := "ServiceNow: listing the attachments of " + f.ref.String()
	q := query{{ownerTable, equals, []string{f.ref.Table}}, {ownerColumn, equals, []string{f.ref.SysID}}, {"file_name", equals, []string{f.name}}}
	out, err := c.do(ctx, call{
		what: what, method: http.MethodGet, path: "/api/now/attachment", repeatable: true,
		query: url.Values{"sysparm_query": {q.String()}, "sysparm_limit": {"1000"}},
	})
	if err != nil {
		return false, err
	}
	var rows []row
	if err := json.Unmarshal(out.result, &rows); err != nil {
		return false, &fault.Unavailable{Message: what + " got an answer that is not a list"}
	}
	for _, r := range rows {
		size := r["size_bytes"] == strconv.Itoa(f.size)
		if hash, told := r["hash"]; q.holds(r) && size && (!told || hash == "" || hash == f.hash) {
			return true, nil
		}
	}
	return false, nil
}
