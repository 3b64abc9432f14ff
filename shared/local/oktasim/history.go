package oktasim

import (
	"fmt"
	"time"
)

// Backdate makes an account one that was made and activated at that time, and
// that somebody signed in with last at the other; the zero time is never. Nothing
// of it shows in the System Log.
func (s *Sim) Backdate(userID string, created, lastSignIn time.Time) error {
	_, done := s.personally()
	defer done()
	u := s.org.user(userID)
	if u == nil {
		return fmt.Errorf("user %s does not exist", userID)
	}
	u.created, u.activated, u.lastLogin = created, created, lastSignIn
	s.showNow(u)
	return nil
}
