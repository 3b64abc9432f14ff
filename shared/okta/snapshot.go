package okta

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lifecycle/shared/fault"
)

// Pages of a picture of the whole org, by the cheapest calls there are: members
// group by group and assignments app by app, rather than user by user. Each page
// stands for itself, so a list that takes hours need not be read by one process.

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	// Next is where the next page begins; empty after the last.
	Next string
}

// How many entries a page has: the most that Okta gives at once (spec,
// listGroups, listGroupUsers, listApplications, listApplicationUsers).
const (
	GroupsPerPage      = 1000 // of 10000, so that an answer stays at some megabytes
	MembersPerPage     = 1000
	AppsPerPage        = appsPerPage
	AssignmentsPerPage = 500
	AdminsPerPage      = 100
	UsersPerPage       = usersPerPage
)

// Member is a member of a group.
type Member struct {
	UserID string
	Status Status
}

// App is an app of the org.
type App struct {
	ID, Label string
	// Active is false for an app that is switched off: nobody can use it.
	Active bool
}

// AppUser is an assignment of an app, as the app lists it.
type AppUser struct {
	UserID string
	// Scope is ScopeUser or ScopeGroup, GroupID the group that carries the app to
	// the user in the second case, where Okta names it.
	Scope, GroupID string
	Created        time.Time
}

// GroupPage reads one page of all groups.
func (c *Client) GroupPage(ctx context.Context, after string) (Page[Group], error) {
	type group struct {
		ID      string `json:"id"`
		Type    string `json:"type"`
		Profile struct {
			Name string `json:"name"`
		} `json:"profile"`
	}
	return paged(ctx, c, "listing all Okta groups", "/api/v1/groups", GroupsPerPage, after, func(g group) Group {
		return Group{ID: g.ID, Name: g.Profile.Name, Type: g.Type}
	})
}

// MemberPage reads one page of a group's members, deactivated ones included.
func (c *Client) MemberPage(ctx context.Context, groupID, after string) (Page[Member], error) {
	type user struct {
		ID     string `json:"id"`
		Status Status `json:"status"`
	}
	return paged(ctx, c, "listing the members of the group "+groupID, "/api/v1/groups/"+escaped(groupID)+"/users", MembersPerPage, after,
		func(u user) Member { return Member{UserID: u.ID, Status: u.Status} })
}

// AppPage reads one page of all apps.
func (c *Client) AppPage(ctx context.Context, after string) (Page[App], error) {
	type app struct {
		ID     string `json:"id"`
		Label  string `json:"label"`
		Status string `json:"status"`
	}
	return paged(ctx, c, "listing all Okta apps", "/api/v1/apps", AppsPerPage, after, func(a app) App {
		return App{ID: a.ID, Label: a.Label, Active: a.Status == "ACTIVE"}
	})
}

// AppUserPage reads one page of the assignments of an app.
func (c *Client) AppUserPage(ctx context.Context, appID, after string) (Page[AppUser], error) {
	type user struct {
		ID      string    `json:"id"`
		Scope   string    `json:"scope"`
		Created time.Time `json:"created"`
		Links   struct {
			Group struct {
				Href string `json:"href"`
			} `json:"group"`
		} `json:"_links"`
	}
	return paged(ctx, c, "listing the assignments of the app "+appID, "/api/v1/apps/"+escaped(appID)+"/users", AssignmentsPerPage, after,
		func(u user) AppUser {
			href := u.Links.Group.Href
			return AppUser{UserID: u.ID, Scope: u.Scope, GroupID: href[strings.LastIndexByte(href, '/')+1:], Created: u.Created}
		})
}

// paged reads one page of a list whose next link is in the header.
func paged[From, To any](ctx context.Context, c *Client, doing, path string, size int, after string, as func(From) To) (Page[To], error) {
	params := url.Values{"limit": {strconv.Itoa(size)}}
	if after != "" {
		params.Set("after", after)
	}
	var found []From
	var page Page[To]
	_, err := c.do(ctx, call{doing: doing, read: true}, func(ctx context.Context) error {
		response, err := raw(ctx, "GET", path+"?"+params.Encode(), &found)
		if err == nil {
			page.Next = cursorOf(response.NextPage)
		}
		return err
	})
	if err != nil {
		return Page[To]{}, err
	}
	if page.Next != "" && page.Next == after {
		return Page[To]{}, &fault.Unavailable{Message: doing + " got a page that is followed by itself"}
	}
	page.Items = make([]To, len(found))
	for i, one := range found {
		page.Items[i] = as(one)
	}
	return page, nil
}

// AdminPage reads one page of the ids of those who hold an administrator role.
func (c *Client) AdminPage(ctx context.Context, after string) (Page[string], error) {
	path := "/api/v1/iam/assignees/users?limit=" + strconv.Itoa(AdminsPerPage)
	if after != "" {
		path += "&after=" + url.QueryEscape(after)
	}
	var page struct {
		Value []struct {
			ID string `json:"id"`
		} `json:"value"`
		Links struct {
			Next struct {
				Href string `json:"href"`
			} `json:"next"`
		} `json:"_links"`
	}
	_, err := c.do(ctx, call{doing: "reading who is an administrator", read: true}, func(ctx context.Context) error {
		_, err := raw(ctx, "GET", path, &page)
		return err
	})
	if err != nil {
		return Page[string]{}, err
	}
	out := Page[string]{Next: cursorOf(page.Links.Next.Href)}
	if out.Next != "" && out.Next == after {
		return Page[string]{}, &fault.Unavailable{Message: "reading who is an administrator: the list does not end"}
	}
	for _, v := range page.Value {
		out.Items = append(out.Items, v.ID)
	}
	return out, nil
}
