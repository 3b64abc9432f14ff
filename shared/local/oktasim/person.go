package oktasim

import (
	"fmt"
	"slices"
	"time"
)

// personally begins something that happens in the org without an API call. It
// holds the lock until done is called; who acts is the caller's to say.
func (s *Sim) personally() (c *call, done func()) {
	s.mu.Lock()
	now := time.Now()
	s.settle(now)
	return s.outside(now, system), s.mu.Unlock
}

// asPerson begins something that the person does.
func (s *Sim) asPerson(userID string) (c *call, u *user, done func(), err error) {
	c, done = s.personally()
	u = s.org.user(userID)
	if u == nil {
		done()
		return nil, nil, nil, fmt.Errorf("user %s does not exist", userID)
	}
	c.actor = u.actor()
	return c, u, done, nil
}

func (s *Sim) startSession(c *call, u *user) {
	u.sessions = append(u.sessions, &session{id: s.org.newID("102"), since: c.now})
	u.lastLogin = c.now
}

func (s *Sim) enrol(c *call, u *user, kind string) *factor {
	f := &factor{id: s.org.newID("opf"), kind: kind, provider: factorProviders[kind], created: c.now}
	u.factors = append(u.factors, f)
	s.note(c, "user.mfa.factor.activate", "Activate factor or authenticator enrollment method for user", u)
	return f
}

func (s *Sim) consent(c *call, u *user, a *app, scopes ...string) {
	for _, scope := range scopes {
		u.grants = append(u.grants, &grant{seq: s.org.next(), id: s.org.newID("oag"), app: a, scope: scope, created: c.now})
	}
	u.refresh = append(u.refresh, &refreshToken{
		seq: s.org.next(), id: s.org.newID("oar"), app: a, scopes: scopes, created: c.now, expires: c.now.Add(refreshLife),
	})
	s.note(c, "app.oauth2.consent.grant", "Grant user consent", u, a)
}

// SignIn is the person signing in with password and factor, by user id or
// login. An account that cannot sign in leaves a failure in the System Log and
// returns an error.
func (s *Sim) SignIn(userID string) error {
	c, u, done, err := s.asPerson(userID)
	if err != nil {
		return err
	}
	defer done()
	if u.status != Active || u.transition == Deprovisioned || !u.password {
		body := s.eventBody(c.actor, "user.session.start", "User login to Okta", []subject{u})
		body["outcome"] = map[string]any{"result": "FAILURE", "reason": "INVALID_CREDENTIALS"}
		s.persist(body, c.now, c.now)
		return fmt.Errorf("user %s is %s and cannot sign in", userID, u.status)
	}
	s.startSession(c, u)
	u.devices++
	s.touch(u, c.now)
	s.note(c, "user.session.start", "User login to Okta", u)
	return nil
}

// LockOut is what failed sign-ins do: an ACTIVE account becomes LOCKED_OUT.
func (s *Sim) LockOut(userID string) error {
	c, u, done, err := s.asPerson(userID)
	if err != nil {
		return err
	}
	defer done()
	if u.status != Active {
		return fmt.Errorf("user %s is %s; only an ACTIVE account can be locked out", userID, u.status)
	}
	s.enter(c, u, LockedOut)
	s.note(c, "user.account.lock", "Max sign in attempts exceeded", u)
	return nil
}

// EnrolFactor is the person enrolling a factor, one of the Factor constants. It
// returns the factor's id.
func (s *Sim) EnrolFactor(userID, kind string) (string, error) {
	c, u, done, err := s.asPerson(userID)
	if err != nil {
		return "", err
	}
	defer done()
	if factorProviders[kind] == "" {
		return "", fmt.Errorf("factor type %q is not simulated", kind)
	}
	if u.status == Deprovisioned {
		return "", fmt.Errorf("user %s is %s and cannot enrol a factor", userID, u.status)
	}
	return s.enrol(c, u, kind).id, nil
}

// Consent is the person letting an app act in their name: one grant for each
// scope, and a refresh token for the app.
func (s *Sim) Consent(userID, appID string, scopes ...string) error {
	c, u, done, err := s.asPerson(userID)
	if err != nil {
		return err
	}
	defer done()
	a := s.org.appID[appID]
	if a == nil {
		return fmt.Errorf("app %s does not exist", appID)
	}
	if u.status != Active {
		return fmt.Errorf("user %s is %s and cannot consent", userID, u.status)
	}
	s.consent(c, u, a, slices.Clone(scopes)...)
	return nil
}

// CreateAPIToken is an administrator creating an SSWS token in the console. It
// returns the token's id and its secret, which works at once.
func (s *Sim) CreateAPIToken(userID, name string) (id, secret string, err error) {
	c, u, done, err := s.asPerson(userID)
	if err != nil {
		return "", "", err
	}
	defer done()
	if u.status != Active || len(s.rolesOf(u)) == 0 {
		return "", "", fmt.Errorf("user %s is %s with %d roles; only an active administrator creates API tokens", userID, u.status, len(s.rolesOf(u)))
	}
	secret = s.org.newID("00secret-")
	return s.issue(c, u, name, secret).id, secret, nil
}
