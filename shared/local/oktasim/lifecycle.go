package oktasim

import (
	"slices"
	"time"
)

// The operations under /users/{id}/lifecycle. Legal statuses are those of the
// spec's texts; how an illegal one is refused is said at each.

// enter gives the user a status at once.
func (s *Sim) enter(c *call, u *user, status string) {
	if u.status != status {
		u.statusChanged = c.now
	}
	u.status, u.transition = status, ""
	s.touch(u, c.now)
}

// lifecycle resolves the user and refuses unless its status is one of from.
func (s *Sim) lifecycle(c *call, refusal *Error, from ...string) (*user, *Error) {
	u, unknown := s.userOf(c)
	if unknown != nil {
		return nil, unknown
	}
	if !slices.Contains(from, u.status) {
		return nil, refusal
	}
	return u, nil
}

// activate: from STAGED or DEPROVISIONED. Otherwise E0000016, whatever the
// status is (error codes; seen in client tests for any status but STAGED).
func (s *Sim) activate(c *call) (answer, *Error) {
	if refusal := c.only("sendEmail"); refusal != nil {
		return answer{}, refusal
	}
	u, refusal := s.lifecycle(c, refuse("E0000016"), Staged, Deprovisioned)
	if refusal != nil {
		return answer{}, refusal
	}
	if u.transition != "" {
		return answer{}, refuse("E0000016")
	}
	mail := c.flag("sendEmail", true)
	s.beginActivation(c, u, mail)
	return s.activationAnswer(c, u, mail)
}

// activationAnswer hands out the link only when no mail carries it.
func (s *Sim) activationAnswer(c *call, u *user, mail bool) (answer, *Error) {
	if mail {
		return empty()
	}
	return ok(map[string]string{"activationUrl": c.url("/welcome/" + u.link), "activationToken": u.link})
}

// beginActivation makes a user without a password PROVISIONED, waiting for the
// welcome link to be followed, and one with a password ACTIVE.
func (s *Sim) beginActivation(c *call, u *user, mail bool) {
	target := Provisioned
	if u.password {
		target = Active
	}
	returning := u.status == Deprovisioned
	u.activated = c.now
	if !u.password {
		s.newLink(c, u, MailWelcome, mail)
	}
	finish := func(now time.Time) {
		late := c.as(c.actor, now)
		s.enter(late, u, target)
		if returning {
			s.restoreApps(late, u)
			s.evaluateRules(late, u)
		}
		s.note(late, "user.lifecycle.activate", "Activate Okta user", u)
	}
	if s.options.ActivationTime <= 0 {
		finish(c.now)
		return
	}
	u.transition = target
	s.touch(u, c.now)
	s.schedule(c.now.Add(s.options.ActivationTime), func(now time.Time) {
		if u.transition == target {
			finish(now)
		}
	})
}

// reactivate: from PROVISIONED or RECOVERY, otherwise E0000038 (Okta's former
// reference of the Users API, "Unexpected user status"). It makes a new link;
// the old one dies.
func (s *Sim) reactivate(c *call) (answer, *Error) {
	if refusal := c.only("sendEmail"); refusal != nil {
		return answer{}, refusal
	}
	u, refusal := s.lifecycle(c, refuse("E0000038"), Provisioned, Recovery)
	if refusal != nil {
		return answer{}, refusal
	}
	mail := c.flag("sendEmail", false)
	s.newLink(c, u, MailWelcome, mail)
	s.touch(u, c.now)
	s.note(c, "user.lifecycle.reactivate", "Reactivate Okta user", u)
	return s.activationAnswer(c, u, mail)
}

// deactivate: from any status but DEPROVISIONED. A user who is deactivated
// already is "not found" here (Okta Workflows' Deactivate User: "404: either the
// ID is incorrect or that user has already been deactivated"; okta-sdk-java
// issue 721).
func (s *Sim) deactivate(c *call) (answer, *Error) {
	if refusal := c.only("sendEmail"); refusal != nil {
		return answer{}, refusal
	}
	u, refusal := s.userOf(c)
	if refusal != nil {
		return answer{}, refusal
	}
	if u.status == Deprovisioned {
		return answer{}, missing(u.id, "User")
	}
	s.beginDeactivation(c, u)
	return empty()
}

func (s *Sim) beginDeactivation(c *call, u *user) {
	if !asynchronous(c.request) || s.options.DeactivationTime <= 0 {
		s.finishDeactivation(c, u)
		return
	}
	if u.transition == Deprovisioned {
		return
	}
	u.transition = Deprovisioned
	s.touch(u, c.now)
	s.schedule(c.now.Add(s.options.DeactivationTime), func(now time.Time) {
		if u.transition == Deprovisioned {
			s.finishDeactivation(c.as(c.actor, now), u)
		}
	})
}

// finishDeactivation takes all app assignments, direct ones for good, ends
// sessions and kills the user's own API tokens. Group memberships stay
// (help.okta.com, usgp-deactivate-user-account; support, "Deactivated users not
// removed from Okta groups automatically"). Admin roles, factors, grants and
// refresh tokens stay too, so that an offboarding that forgets them is found
// out (unconfirmed for each).
func (s *Sim) finishDeactivation(c *call, u *user) {
	s.note(c, "user.lifecycle.deactivate", "Deactivate Okta user", u)
	for _, au := range u.assignments() {
		s.dropAssignment(c, au)
	}
	u.sessions, u.password, u.link = nil, false, ""
	s.dropTokensOf(c, u)
	s.enter(c, u, Deprovisioned)
}

// suspend: from ACTIVE only, otherwise E0000001 (error codes, on E0000001:
// "suspending a user who is not active will result in the E0000001 error code").
// Sessions stay (unconfirmed; the stricter reading).
func (s *Sim) suspend(c *call) (answer, *Error) {
	u, refusal := s.lifecycle(c, invalid("suspendUser", "Cannot suspend a user that is not active"), Active)
	if refusal != nil {
		return answer{}, refusal
	}
	s.enter(c, u, Suspended)
	s.note(c, "user.lifecycle.suspend", "Suspend Okta user", u)
	return empty()
}

// unsuspend: from SUSPENDED only. Okta names suspendUser in this refusal too.
func (s *Sim) unsuspend(c *call) (answer, *Error) {
	u, refusal := s.lifecycle(c, invalid("suspendUser", "Cannot unsuspend a user that is not suspended"), Suspended)
	if refusal != nil {
		return answer{}, refusal
	}
	s.enter(c, u, Active)
	s.note(c, "user.lifecycle.unsuspend", "Unsuspend Okta user", u)
	return empty()
}

// unlock: from LOCKED_OUT only, otherwise E0000032. (Okta also unlocks an ACTIVE
// user who is blocked on unknown devices; such blocks are not simulated.)
func (s *Sim) unlock(c *call) (answer, *Error) {
	u, refusal := s.lifecycle(c, refuse("E0000032", "The user is not locked out."), LockedOut)
	if refusal != nil {
		return answer{}, refusal
	}
	s.enter(c, u, Active)
	s.note(c, "user.account.unlock_by_admin", "Unlock user account by admin", u)
	return empty()
}

// expirePassword: from ACTIVE; elsewhere E0000038 (unconfirmed: the spec names
// no precondition).
func (s *Sim) expirePassword(c *call) (answer, *Error) {
	u, refusal := s.lifecycle(c, refuse("E0000038"), Active)
	if refusal != nil {
		return answer{}, refusal
	}
	s.enter(c, u, PasswordExpired)
	s.note(c, "user.account.expire_password", "Expire user password", u)
	return ok(u.view(c, u.record, true))
}

// resetPassword: from ACTIVE, RECOVERY, PASSWORD_EXPIRED and PROVISIONED, leads
// to RECOVERY; elsewhere E0000038 (unconfirmed). sendEmail is required; only
// with false the link is in the answer (spec, resetPassword).
func (s *Sim) resetPassword(c *call) (answer, *Error) {
	if refusal := c.only("sendEmail", "revokeSessions"); refusal != nil {
		return answer{}, refusal
	}
	if !c.query.Has("sendEmail") {
		return answer{}, refuse("E0000028")
	}
	u, refusal := s.lifecycle(c, refuse("E0000038"), Active, Recovery, PasswordExpired, Provisioned)
	if refusal != nil {
		return answer{}, refusal
	}
	mail := c.flag("sendEmail", true)
	if c.flag("revokeSessions", false) {
		u.sessions = nil
	}
	s.newLink(c, u, MailReset, mail)
	s.enter(c, u, Recovery)
	s.note(c, "user.account.reset_password", "User reset password for Okta", u)
	if mail {
		return empty()
	}
	return ok(map[string]string{"resetPasswordUrl": c.url("/reset_password/" + u.link)})
}

// resetFactors: in any status but DEPROVISIONED ("you can't unenroll a factor
// from a deactivated user": spec, unenrollFactor). The status does not change.
func (s *Sim) resetFactors(c *call) (answer, *Error) {
	u, refusal := s.userOf(c)
	if refusal != nil {
		return answer{}, refusal
	}
	if u.status == Deprovisioned {
		return answer{}, refuse("E0000038")
	}
	u.factors, u.devices = nil, 0
	s.touch(u, c.now)
	s.note(c, "user.mfa.factor.reset_all", "Reset all factors for user", u)
	return empty()
}
