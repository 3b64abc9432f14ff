package okta

import (
	"context"
	"net/url"
	"strconv"

	sdkokta "github.com/okta/okta-sdk-golang/v2/okta"

	"lifecycle/shared/fault"
)

// UserPage is a page of all accounts of an org.
type UserPage struct {
	Users []User
	// Next is where the next page begins; empty after the last.
	Next string
}

// UserPage reads one page of 200 accounts, from where the page before said that
// the next begins; an empty after is the first page. Okta leaves DEPROVISIONED
// accounts out unless they are asked for: former lists these and no others.
//
// A list that takes hours need not be read by one process: after is all that has
// to be kept. It is *fault.Invalid when Okta does not know it any more.
func (c *Client) UserPage(ctx context.Context, former bool, after string) (UserPage, error) {
	params := url.Values{"limit": {strconv.Itoa(usersPerPage)}}
	if former {
		params.Set("filter", "status eq "+quoted(string(Deprovisioned)))
	}
	if after != "" {
		params.Set("after", after)
	}
	var page UserPage
	var found []*sdkokta.User
	_, err := c.do(ctx, call{doing: "listing all Okta users", read: true}, func(ctx context.Context) error {
		response, err := raw(ctx, "GET", "/api/v1/users?"+params.Encode(), &found)
		if err == nil {
			page.Next = cursorOf(response.NextPage)
		}
		return err
	})
	if err != nil {
		return UserPage{}, err
	}
	if page.Next != "" && page.Next == after {
		return UserPage{}, &fault.Unavailable{Message: "listing all Okta users got a page that is followed by itself"}
	}
	page.Users = make([]User, len(found))
	for i, u := range found {
		page.Users[i] = userOf(u)
	}
	return page, nil
}

// cursorOf is the parameter after of a next link.
func cursorOf(link string) string {
	parsed, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return parsed.Query().Get("after")
}
