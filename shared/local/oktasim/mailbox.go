package oktasim

import (
	"fmt"
	"slices"
	"time"
)

// Kinds of mail.
const (
	MailWelcome = "welcome"
	MailReset   = "password reset"
)

// Mail is a message that Okta would have sent to a person. Its link is a secret
// that no API answer contains once it was mailed: only a test or a demo, in the
// part of that person, may read it.
type Mail struct {
	UserID string
	Kind   string
	Link   string
	At     time.Time
}

// linkLife is how long a link works (the default of an org: seven days).
const linkLife = 7 * 24 * time.Hour

// newLink makes the user's one-time link; any earlier one is dead.
func (s *Sim) newLink(c *call, u *user, kind string, mail bool) {
	u.link, u.linkKind, u.linkMade = s.org.newID("ott"), kind, c.now
	if !mail {
		return
	}
	path := "/welcome/"
	if kind == MailReset {
		path = "/reset_password/"
	}
	s.org.mail = append(s.org.mail, Mail{UserID: u.id, Kind: kind, Link: c.url(path + u.link), At: c.now})
}

// Mailbox lists every mail sent so far, oldest first.
func (s *Sim) Mailbox() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.org.mail)
}

// FollowWelcomeLink does what the new hire does: follows the latest link, sets a
// password, and is ACTIVE.
func (s *Sim) FollowWelcomeLink(userID string) error {
	return s.follow(userID, MailWelcome, Provisioned, Recovery)
}

// FollowResetLink sets a new password after a reset: RECOVERY becomes ACTIVE.
func (s *Sim) FollowResetLink(userID string) error { return s.follow(userID, MailReset, Recovery) }

func (s *Sim) follow(userID, kind string, from ...string) error {
	c, done := s.personally()
	defer done()
	u := s.org.user(userID)
	switch {
	case u == nil:
		return fmt.Errorf("user %s does not exist", userID)
	case u.link == "" || u.linkKind != kind:
		return fmt.Errorf("user %s was sent no %s link, or has used it", userID, kind)
	case c.now.After(u.linkMade.Add(linkLife)):
		return fmt.Errorf("the %s link of user %s has expired", kind, userID)
	case !slices.Contains(from, u.status):
		return fmt.Errorf("user %s is %s, so the %s link leads nowhere", userID, u.status, kind)
	}
	c.actor = u.actor()
	u.link, u.password, u.passwordChanged = "", true, c.now
	s.enter(c, u, Active)
	s.noteSystem(c.now, c.actor, "user.account.update_password", "User update password for Okta", u)
	return nil
}
