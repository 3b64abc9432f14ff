package snowsim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// defaultExtensions are those that may be attached. An instance is delivered
// without a list and hardening gives it one (unconfirmed which).
var defaultExtensions = []string{
	"txt", "log", "csv", "json", "html", "xml", "pdf", "md", "png", "jpg", "jpeg", "gif", "doc", "docx", "xls", "xlsx", "zip",
}

// Attachment is a file on a record.
type Attachment struct {
	SysID, Table, Record    string
	Name, ContentType, Hash string // Hash is SHA-256, hexadecimal
	Content                 []byte
	By                      string // user name
	At                      time.Time
}

// Attachments lists a record's files, oldest first.
func (s *Sim) Attachments(table, sysID string) []Attachment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Attachment
	for _, r := range s.tables["sys_attachment"].shelf.by("table_sys_id", sysID) {
		if r.get("table_name") != table {
			continue
		}
		at, _ := time.ParseInLocation(time.DateTime, r.get("sys_created_on"), time.UTC)
		list = append(list, Attachment{
			SysID: r.id, Table: table, Record: sysID, Name: r.get("file_name"), ContentType: r.get("content_type"),
			Hash: r.get("hash"), Content: bytes.Clone(s.contents[r.id]), By: r.get("sys_created_by"), At: at,
		})
	}
	return list
}

// attachFile takes the raw body as the file (docs:
// api-reference/rest-apis/c_AttachmentAPI, POST /now/attachment/file).
func (s *Sim) attachFile(c *call) (answer, *Error) {
	return s.attach(c, upload{
		table: c.query.Get("table_name"), record: c.query.Get("table_sys_id"), name: c.query.Get("file_name"),
		kind: c.request.Header.Get("Content-Type"), content: c.body,
	})
}

// attachForm takes a multipart form whose last part is the file (docs: the same,
// POST /now/attachment/upload).
func (s *Sim) attachForm(c *call) (answer, *Error) {
	_, parameters, err := mime.ParseMediaType(c.request.Header.Get("Content-Type"))
	if err != nil || parameters["boundary"] == "" {
		return answer{}, refuse(http.StatusBadRequest, "Exception while reading request", "The payload is not a multipart form.")
	}
	var u upload
	reader := multipart.NewReader(bytes.NewReader(c.body), parameters["boundary"])
	for {
		part, err := reader.NextPart()
		if err != nil {
			break
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return answer{}, refuse(http.StatusBadRequest, "Exception while reading request", "The payload is not complete.")
		}
		switch {
		case part.FileName() != "":
			u.name, u.kind, u.content = part.FileName(), part.Header.Get("Content-Type"), content
		case part.FormName() == "table_name":
			u.table = string(content)
		case part.FormName() == "table_sys_id":
			u.record = string(content)
		}
	}
	return s.attach(c, u)
}

type upload struct {
	table, record, name, kind string
	content                   []byte
}

func (s *Sim) attach(c *call, u upload) (answer, *Error) {
	if u.table == "" || u.record == "" || u.name == "" {
		return answer{}, refuse(http.StatusBadRequest, "Missing required parameter", "table_name, table_sys_id and file_name are needed")
	}
	target, refusal := s.attachTarget(c, u)
	if refusal != nil {
		return answer{}, refusal
	}
	if extension := strings.TrimPrefix(filepath.Ext(u.name), "."); !slices.Contains(s.options.Extensions, strings.ToLower(extension)) {
		// The property glide.attachment.extensions; the answer is unconfirmed.
		return answer{}, refuse(http.StatusForbidden, "Operation Failed", "The type of the file is not allowed: "+extension)
	}
	if len(u.content) > maxAttachment {
		return answer{}, refuse(http.StatusBadRequest, "Exception while reading request", "The attachment is larger than com.glide.attachment.max_size.")
	}
	sum := sha256.Sum256(u.content)
	size := strconv.Itoa(len(u.content))
	r, refusal := s.create(c.user, s.tables["sys_attachment"], "", map[string]string{
		"table_name": target.table.name, "table_sys_id": target.id, "file_name": u.name, "content_type": u.kind,
		"size_bytes": size, "size_compressed": size, "hash": hex.EncodeToString(sum[:]),
	})
	if refusal != nil {
		return answer{}, refusal
	}
	s.contents[r.id] = bytes.Clone(u.content)
	shown := s.attachmentOf(c, r)
	header := http.Header{}
	header.Set("Location", c.base+c.prefix+"/attachment/"+r.id)
	return answer{status: http.StatusCreated, body: shown, header: header}, nil
}

func (s *Sim) attachTarget(c *call, u upload) (*record, *Error) {
	t := s.tables[u.table]
	if t == nil {
		return nil, invalidTable(u.table)
	}
	r := t.shelf.find(u.record)
	switch {
	case r == nil || !r.table.is(t.name) || !s.may(c.user, reading, r):
		return nil, noRecord()
	case !s.may(c.user, writing, r):
		return nil, forbidden("Insert")
	}
	return r, nil
}

// attachmentOf is an attachment's metadata: values without links, and where the
// content can be had.
func (s *Sim) attachmentOf(c *call, r *record) map[string]any {
	shown := map[string]any{"download_link": c.base + c.prefix + "/attachment/" + r.id + "/file"}
	for _, name := range r.table.names() {
		if name != "sys_class_name" {
			shown[name] = r.get(name)
		}
	}
	return shown
}

// attachedTo reports whether the caller may read the record that a file is on.
func (s *Sim) attachedTo(c *call, r *record) bool {
	t := s.tables[r.get("table_name")]
	if t == nil {
		return false
	}
	target := t.shelf.find(r.get("table_sys_id"))
	return target != nil && s.may(c.user, reading, target)
}

func (s *Sim) listAttachments(c *call) (answer, *Error) {
	const limit = 1000 // docs: c_AttachmentAPI
	window, header, refusal := s.search(c, s.tables["sys_attachment"], limit)
	if refusal != nil {
		return answer{}, refusal
	}
	result := make([]map[string]any, 0, len(window))
	for _, r := range window {
		if s.attachedTo(c, r) {
			result = append(result, s.attachmentOf(c, r))
		}
	}
	return answer{status: http.StatusOK, body: result, header: header}, nil
}

func (s *Sim) attachmentNamed(c *call) (*record, *Error) {
	r := s.tables["sys_attachment"].shelf.find(c.params["id"])
	if r == nil || !s.attachedTo(c, r) {
		return nil, noRecord()
	}
	return r, nil
}

func (s *Sim) getAttachment(c *call) (answer, *Error) {
	r, refusal := s.attachmentNamed(c)
	if refusal != nil {
		return answer{}, refusal
	}
	return ok(s.attachmentOf(c, r))
}

func (s *Sim) readAttachment(c *call) (answer, *Error) {
	r, refusal := s.attachmentNamed(c)
	if refusal != nil {
		return answer{}, refusal
	}
	header := http.Header{}
	header.Set("Content-Type", r.get("content_type"))
	raw := s.contents[r.id]
	if raw == nil {
		raw = []byte{}
	}
	return answer{status: http.StatusOK, raw: raw, header: header}, nil
}

func (s *Sim) deleteAttachment(c *call) (answer, *Error) {
	r, refusal := s.attachmentNamed(c)
	if refusal != nil {
		return answer{}, refusal
	}
	target := s.tables[r.get("table_name")].shelf.find(r.get("table_sys_id"))
	if !s.may(c.user, writing, target) {
		return answer{}, forbidden("Delete")
	}
	s.must(s.remove(platform, r))
	return answer{status: http.StatusNoContent}, nil
}
