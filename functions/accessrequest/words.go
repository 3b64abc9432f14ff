package accessrequest

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"lifecycle/shared/approval"
	"lifecycle/shared/fault"
)

// moment is a time as tickets say it.
func moment(t time.Time) string { return t.UTC().Format("2 January 2006 15:04 UTC") }

// days is a duration as tickets say it.
func days(d time.Duration) string {
	if n := int(d.Hours()) / 24; n > 1 && d%day == 0 {
		return fmt.Sprintf("%d days", n)
	}
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}

// seconds rounds up, so that whoever waits that long does not come too early.
func seconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

// login is how a person is called on tickets: by the user name, or by the sys_id
// where there is nobody of that name any more.
func (s *Steps) login(ctx context.Context, sysID string) (string, error) {
	p, err := s.servicenow.PersonBySysID(ctx, sysID)
	if fault.Is[*fault.NotFound](err) || err == nil && p.UserName == "" {
		return sysID, nil
	}
	return p.UserName, err
}

// signatures tell who has answered and when, one line each.
func (s *Steps) signatures(ctx context.Context, verb, as string, votes []approval.Vote) (string, error) {
	var b strings.Builder
	for _, v := range votes {
		name, err := s.login(ctx, v.By)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s by %s (%s) on %s\n", verb, name, as, moment(v.At))
	}
	return b.String(), nil
}
