package largeorg

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ServiceNow answers the lists of the org's ServiceNow, each call after a time.
func (o *Org) ServiceNow(latency time.Duration) http.RoundTripper {
	return transport(func(r *http.Request) *http.Response {
		wait(r.Context(), latency)
		o.mu.Lock()
		o.calls["ServiceNow"]++
		o.mu.Unlock()
		query := r.URL.Query()
		switch {
		case r.Method != http.MethodGet:
		case strings.HasSuffix(r.URL.Path, "/table/sys_user"):
			return o.rows(r, o.Users+o.Former+len(o.doubled), o.record)
		case strings.HasSuffix(r.URL.Path, "/table/sc_item_option_mtom") && strings.Contains(query.Get("sysparm_query"), "request_item.cat_item.name"):
			return o.rows(r, 3*o.requested(), o.option)
		}
		return answer(r, http.StatusForbidden, []byte(`{"error":{"message":"Operation Failed","detail":"this large org has lists only"},"status":"failure"}`))
	})
}

// rows is one page of so many numbered rows, of which make leaves out some.
func (o *Org) rows(r *http.Request, total int, make func(n int) map[string]string) *http.Response {
	query := r.URL.Query()
	from := 0
	for term := range strings.SplitSeq(query.Get("sysparm_query"), "^") {
		if after, is := strings.CutPrefix(term, "sys_id>"); is {
			n, err := strconv.ParseInt(after, 16, 64)
			if err == nil {
				from = int(n) + 1
			}
		}
	}
	limit, err := strconv.Atoi(query.Get("sysparm_limit"))
	if err != nil {
		limit = 100
	}
	fields := strings.Split(query.Get("sysparm_fields"), ",")
	list := []map[string]string{}
	n := from
	for ; n < total && len(list) < limit; n++ {
		all := make(n)
		if all == nil {
			continue
		}
		row := map[string]string{}
		for _, f := range fields {
			row[f] = all[f]
		}
		list = append(list, row)
	}
	left := len(list)
	for ; n < total; n++ {
		if !o.missing[n] || strings.HasSuffix(r.URL.Path, "mtom") {
			left++
		}
	}
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(map[string]any{"result": list}); err != nil {
		return answer(r, http.StatusInternalServerError, nil)
	}
	response := answer(r, http.StatusOK, b.Bytes())
	response.Header.Set("X-Total-Count", strconv.Itoa(left))
	return response
}

// record is a row of sys_user: the users, the former ones, and the doubles.
func (o *Org) record(n int) map[string]string {
	if o.missing[n] {
		return nil
	}
	person, mail := n, login(n)
	if n >= o.Users+o.Former {
		person = o.doubled[n-o.Users-o.Former]
		mail = "double." + login(person)
	}
	active := strconv.FormatBool((person < o.Users) && !o.inactive[n])
	row := map[string]string{
		"sys_id": recordID(n), "employee_number": employee(person), "email": mail, "active": active, "web_service_access_only": "false",
	}
	if manager := person / 20; person > 0 {
		row["manager"], row["manager.name"], row["manager.user_name"] = recordID(manager), "Person No "+strconv.Itoa(manager), login(manager)
		row["manager.active"], row["manager.locked_out"] = "true", "false"
	}
	return row
}

// requested counts the closed requests: one for each member of the groups that
// are given on request, and the planted ones.
func (o *Org) requested() int {
	n := len(o.requests)
	for g := licence; g <= releases; g++ {
		n += o.groups[g].size
	}
	return n
}

// option is the answer to one question of a request: three of each.
func (o *Org) option(n int) map[string]string {
	number, question := n/3, n%3
	r, left := request{closed: o.now.AddDate(0, -3, 0)}, number
	for g := licence; g <= releases; g++ {
		if left >= 0 && left < o.groups[g].size {
			r.user, r.group = o.groups[g].at(left), g
		}
		left -= o.groups[g].size
	}
	if left >= 0 {
		r = o.requests[left]
	}
	id := recordID(1<<40 + number)
	return map[string]string{
		"sys_id": recordID(n), "request_item": id, "request_item.number": "RITM" + strconv.Itoa(1_000_000+number),
		"request_item.requested_for": recordID(r.user), "request_item.requested_for.employee_number": employee(r.user),
		"request_item.requested_for.email": login(r.user), "request_item.closed_at": r.closed.Format(time.DateTime),
		"request_item.state": "3", "request_item.cat_item.name": "Access request",
		"sc_item_option.item_option_new.name": []string{"access_item", "access_duration", "access_until"}[question],
		"sc_item_option.value":                slices.Concat([]string{item(r.group)}, []string{r.duration, ""})[question],
	}
}
