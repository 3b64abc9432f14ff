package oktasim

import (
	"slices"
	"time"
)

// factor is one enrolled authenticator.
type factor struct {
	id, kind, provider string
	created            time.Time
}

// Types of factor that the simulator enrols (spec, schema UserFactorType).
const (
	FactorPush     = "push"
	FactorTOTP     = "token:software:totp"
	FactorFastPass = "signed_nonce"
	FactorWebAuthn = "webauthn"
	FactorEmail    = "email"
	FactorSMS      = "sms"
)

var factorProviders = map[string]string{
	FactorPush: "OKTA", FactorTOTP: "OKTA", FactorFastPass: "OKTA", FactorWebAuthn: "FIDO", FactorEmail: "OKTA", FactorSMS: "OKTA",
}

// oktaVerify are the factors that one Okta Verify app carries: unenrolling push
// or FastPass unenrols all of them (spec, unenrollFactor).
var oktaVerify = []string{FactorPush, FactorTOTP, FactorFastPass}

type factorView struct {
	ID          string         `json:"id"`
	FactorType  string         `json:"factorType"`
	Provider    string         `json:"provider"`
	VendorName  string         `json:"vendorName"`
	Status      string         `json:"status"`
	Created     stamp          `json:"created"`
	LastUpdated stamp          `json:"lastUpdated"`
	Profile     map[string]any `json:"profile"`
	Links       map[string]any `json:"_links"`
}

func (f *factor) view(c *call, u *user) factorView {
	self := c.url("/api/v1/users/" + u.id)
	return factorView{
		ID: f.id, FactorType: f.kind, Provider: f.provider, VendorName: f.provider, Status: Active,
		Created: stamp(f.created), LastUpdated: stamp(f.created), Profile: map[string]any{"credentialId": text(u.profile, "login")},
		Links: map[string]any{
			"self": link{Href: self + "/factors/" + f.id, Hints: &hints{[]string{"GET", "DELETE"}}},
			"user": link{Href: self, Hints: &hints{[]string{"GET"}}},
		},
	}
}

func (s *Sim) listFactors(c *call) (answer, *Error) {
	u, refusal := s.exactUser(c)
	if refusal != nil {
		return answer{}, refusal
	}
	views := []factorView{}
	for _, f := range u.factors {
		views = append(views, f.view(c, u))
	}
	return ok(views)
}

// factorFor resolves the path of a factor.
func (s *Sim) factorFor(c *call) (*user, *factor, *Error) {
	u, refusal := s.exactUser(c)
	if refusal != nil {
		return nil, nil, refusal
	}
	for _, f := range u.factors {
		if f.id == c.params["factor"] {
			return u, f, nil
		}
	}
	return nil, nil, missing(c.params["factor"], "UserFactor")
}

func (s *Sim) getFactor(c *call) (answer, *Error) {
	u, f, refusal := s.factorFor(c)
	if refusal != nil {
		return answer{}, refusal
	}
	return ok(f.view(c, u))
}

// deleteFactor: not from a deactivated user (spec, unenrollFactor; the code is
// unconfirmed).
func (s *Sim) deleteFactor(c *call) (answer, *Error) {
	if refusal := c.only("removeRecoveryEnrollment"); refusal != nil {
		return answer{}, refusal
	}
	u, f, refusal := s.factorFor(c)
	if refusal != nil {
		return answer{}, refusal
	}
	if u.status == Deprovisioned {
		return answer{}, refuse("E0000038")
	}
	whole := f.kind == FactorPush || f.kind == FactorFastPass
	u.factors = slices.DeleteFunc(u.factors, func(other *factor) bool {
		return other == f || whole && slices.Contains(oktaVerify, other.kind)
	})
	s.note(c, "user.mfa.factor.deactivate", "Reset factor for user", u)
	return noContent()
}
