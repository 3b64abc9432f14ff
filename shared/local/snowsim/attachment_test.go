package snowsim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"mime/multipart"
	"net/http"
	"net/url"
	"testing"
)

func (b *testBundle) upload(query url.Values, kind string, content []byte) reply {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, "https://instance.example/api/now/attachment/file?"+query.Encode(), bytes.NewReader(content))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.SetBasicAuth(b.user, b.password)
	return b.send(r)
}

func TestAttachments(t *testing.T) { //nolint:tparallel // its subtests share one instance and follow each other
	t.Parallel()
	b := setup(t, Options{})
	id := b.incident(nil)
	on := func(name string) url.Values {
		return url.Values{"table_name": {"incident"}, "table_sys_id": {id}, "file_name": {name}}
	}
	content := []byte("when,what\n")

	r := b.upload(on("log.csv"), "text/csv", content)
	b.want(r, http.StatusCreated)
	meta := result[map[string]string](t, r)
	sum := sha256.Sum256(content)
	if meta["size_bytes"] != "10" || meta["content_type"] != "text/csv" || meta["hash"] != hex.EncodeToString(sum[:]) || meta["sys_created_by"] != IntegrationUser {
		t.Errorf("metadata: %v", meta)
	}
	path := "/api/now/attachment/" + meta["sys_id"]
	if r := b.get(path+"/file", none); r.status != 200 || !bytes.Equal(r.body, content) || r.header.Get("Content-Type") != "text/csv" {
		t.Errorf("content: %d %s", r.status, r.body)
	}
	if got := result[map[string]string](t, b.get(path, none)); got["file_name"] != "log.csv" || got["download_link"] == "" {
		t.Errorf("metadata: %v", got)
	}
	b.want(b.upload(on("log.csv"), "text/csv", content), http.StatusCreated)
	query := url.Values{"sysparm_query": {"table_name=incident^table_sys_id=" + id + "^file_name=log.csv"}}
	if got := result[[]map[string]string](t, b.get("/api/now/attachment", query)); len(got) != 2 {
		t.Errorf("the same name is taken twice: %v", got)
	}
	if got := b.Attachments("incident", id); len(got) != 2 || got[0].Name != "log.csv" || !bytes.Equal(got[0].Content, content) || got[0].At.IsZero() {
		t.Errorf("got %+v", got)
	}
	b.want(b.call("DELETE", path, none, nil), http.StatusNoContent)
	b.want(b.get(path+"/file", none), 404)

	t.Run("a form carries a file too", func(t *testing.T) {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		_ = form.WriteField("table_name", "incident")
		_ = form.WriteField("table_sys_id", id)
		part, err := form.CreateFormFile("uploadFile", "report.html")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte("<p>"))
		_ = form.Close()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://instance.example/api/now/attachment/upload", &body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", form.FormDataContentType())
		request.SetBasicAuth(b.user, b.password)
		b.want(b.send(request), http.StatusCreated, "report.html")
	})

	for name, c := range map[string]struct {
		query  url.Values
		status int
		text   string
	}{
		"an extension that is not allowed": {on("run.exe"), 403, "not allowed: exe"},
		"no extension":                     {on("run"), 403, "not allowed"},
		"no name":                          {url.Values{"table_name": {"incident"}, "table_sys_id": {id}}, 400, "Missing required parameter"},
		"an unknown table":                 {url.Values{"table_name": {"x"}, "table_sys_id": {id}, "file_name": {"a.txt"}}, 400, "Invalid table"},
		"an unknown record":                {url.Values{"table_name": {"incident"}, "table_sys_id": {"x"}, "file_name": {"a.txt"}}, 404, "No Record found"},
	} {
		t.Run(name, func(t *testing.T) { b.want(b.upload(c.query, "text/plain", []byte("x")), c.status, c.text) })
	}

	t.Run("files follow the access rules of their record", func(t *testing.T) {
		outsider := b.as(emailOf("E1042"))
		left := b.Attachments("incident", id)[0]
		outsider.want(outsider.get("/api/now/attachment/"+left.SysID+"/file", none), 404)
		outsider.want(outsider.upload(on("a.txt"), "text/plain", []byte("x")), 404)
		if got := result[[]any](t, outsider.get("/api/now/attachment", none)); len(got) != 0 {
			t.Errorf("sees %v", got)
		}
	})
}
