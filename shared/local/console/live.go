package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"net/http"
	"time"
)

// regions are the parts of the page that are kept up to date.
var regions = []string{"status", "tickets", "people", "executions", "machine", "ledger", "systems", "detail", "news"}

// keepAlive is how long the stream may be silent.
const keepAlive = 15 * time.Second

// live streams the regions that have changed since they were sent last. The
// browser has them all already; it is sent all once, for what happened between.
func (c *Console) live(w http.ResponseWriter, r *http.Request) {
	stream := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	q := queryOf(r.URL.Query())
	sent, seed := map[string]uint64{}, maphash.MakeSeed()
	ticker := time.NewTicker(c.options.Interval)
	defer ticker.Stop()
	quiet := time.Now()
	for {
		changed, err := c.changes(r, q, sent, seed)
		switch {
		case err != nil:
			return
		case len(changed) > 0:
			_, err = fmt.Fprintf(w, "data: %s\n\n", changed)
			quiet = time.Now()
		case time.Since(quiet) > keepAlive:
			_, err = fmt.Fprint(w, ": still here\n\n")
			quiet = time.Now()
		}
		if err == nil {
			err = stream.Flush()
		}
		if err != nil {
			return // the browser has gone
		}
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
	}
}

// changes are the regions that differ from what was sent, as a JSON object of
// their contents; empty when there are none.
func (c *Console) changes(r *http.Request, q query, sent map[string]uint64, seed maphash.Seed) ([]byte, error) {
	v := c.view(r.Context(), q)
	changed := map[string]string{}
	var content bytes.Buffer
	for _, region := range regions {
		content.Reset()
		if err := c.page.ExecuteTemplate(&content, region, v); err != nil {
			return nil, err
		}
		sum := maphash.Bytes(seed, content.Bytes())
		if before, known := sent[region]; known && before == sum {
			continue
		}
		sent[region], changed[region] = sum, content.String()
	}
	if len(changed) == 0 {
		return nil, nil
	}
	return json.Marshal(changed)
}
