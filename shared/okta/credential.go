package okta

import (
	"context"
	"time"

	sdkokta "github.com/okta/okta-sdk-golang/v2/okta"

	"lifecycle/shared/audit"
)

// APIToken is an SSWS token; its value is known to nobody but its maker.
type APIToken struct {
	ID, Name string
}

// APITokens lists the SSWS tokens that the user owns. Ending sessions and
// suspending leave them alive.
func (c *Client) APITokens(ctx context.Context, userID string) ([]APIToken, error) {
	type apiToken struct {
		ID     string `json:"id"`
		Name   string `json:"name"`
		UserID string `json:"userId"`
	}
	var found []apiToken
	_, err := c.do(ctx, call{doing: "reading the API tokens of " + named(userID), read: true}, func(ctx context.Context) (err error) {
		found, err = pages(ctx, func(ctx context.Context) ([]apiToken, *sdkokta.Response, error) {
			var page []apiToken
			response, err := raw(ctx, "GET", "/api/v1/api-tokens", &page)
			return page, response, err
		})
		return err
	})
	var owned []APIToken
	for _, t := range found {
		if t.UserID == userID {
			owned = append(owned, APIToken{ID: t.ID, Name: t.Name})
		}
	}
	return owned, err
}

// RevokeAPIToken revokes an SSWS token of the user's; one that is not there
// counts as done.
func (c *Client) RevokeAPIToken(ctx context.Context, tokenID, userID string, why audit.Reason) error {
	return c.carryOut(ctx, deed{
		call: call{doing: "revoking the API token " + tokenID + " of " + named(userID)},
		verb: "api_token.revoke", target: "api_token/" + tokenID, subject: userID,
		run: func(ctx context.Context) error {
			_, err := raw(ctx, "DELETE", "/api/v1/api-tokens/"+escaped(tokenID), nil)
			return err
		},
		settled: gone,
	}, why)
}

// Factor is an enrolled authenticator.
type Factor struct {
	ID string
	// Type is Okta's factorType, e.g. "push".
	Type string
	// Provider is whose authenticator it is, e.g. "OKTA", "GOOGLE", "FIDO".
	Provider string
	// Created is when it was enrolled; zero when Okta does not say.
	Created time.Time
}

// Factors lists the factors that the user has enrolled.
func (c *Client) Factors(ctx context.Context, userID string) ([]Factor, error) {
	var found []sdkokta.Factor
	_, err := c.do(ctx, call{doing: "reading the factors of " + named(userID), read: true}, func(ctx context.Context) (err error) {
		found, _, err = sdk.UserFactor.ListFactors(ctx, escaped(userID))
		return err
	})
	factors := make([]Factor, 0, len(found))
	for _, f := range found {
		if enrolled, isFactor := f.(*sdkokta.UserFactor); isFactor {
			factors = append(factors, Factor{ID: enrolled.Id, Type: enrolled.FactorType, Provider: enrolled.Provider, Created: at(enrolled.Created)})
		}
	}
	return factors, err
}

// ResetFactors removes all enrolled factors. Okta refuses it for an account that
// is DEPROVISIONED: *fault.Conflict.
func (c *Client) ResetFactors(ctx context.Context, userID string, why audit.Reason) error {
	return c.carryOut(ctx, deed{
		call: call{doing: "resetting the factors of " + named(userID)},
		verb: "factor.reset_all", target: "user/" + userID, subject: userID,
		run: func(ctx context.Context) error {
			_, err := sdk.User.ResetFactors(ctx, escaped(userID))
			return err
		},
	}, why)
}
