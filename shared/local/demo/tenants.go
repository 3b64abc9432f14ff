package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"lifecycle/shared/local/scenario"
)

// tenants plugs real systems in where the environment names them:
//
//	OKTA_ORG_URL    with OKTA_API_TOKEN, or OKTA_CLIENT_ID, OKTA_PRIVATE_KEY (PEM) and OKTA_SCOPES
//	SERVICENOW_URL  with SERVICENOW_CLIENT_ID and SERVICENOW_CLIENT_SECRET, or SERVICENOW_USER and SERVICENOW_PASSWORD
//	WEBHOOK_SECRET  the key that the instance signs with
//
// Both or none: people have to be the same on both sides.
func tenants(env func(string) string, o *scenario.Options) (real bool, err error) {
	okta, servicenow := env("OKTA_ORG_URL"), env("SERVICENOW_URL")
	if okta == "" && servicenow == "" {
		return false, nil
	}
	if okta == "" || servicenow == "" || env("WEBHOOK_SECRET") == "" {
		return false, errors.New("OKTA_ORG_URL, SERVICENOW_URL and WEBHOOK_SECRET go together: set all, or none for the simulated systems")
	}
	oktaSecret := map[string]any{"token": env("OKTA_API_TOKEN")}
	if env("OKTA_API_TOKEN") == "" {
		oktaSecret = map[string]any{
			"clientId": env("OKTA_CLIENT_ID"), "privateKey": env("OKTA_PRIVATE_KEY"), "scopes": strings.Fields(env("OKTA_SCOPES")),
		}
	}
	snowSecret := map[string]any{"clientId": env("SERVICENOW_CLIENT_ID"), "clientSecret": env("SERVICENOW_CLIENT_SECRET")}
	if env("SERVICENOW_CLIENT_ID") == "" {
		snowSecret = map[string]any{"user": env("SERVICENOW_USER"), "password": env("SERVICENOW_PASSWORD")}
	}
	o.Secrets = map[string]string{"WebhookSecret": env("WEBHOOK_SECRET")}
	for id, secret := range map[string]map[string]any{"OktaSecret": oktaSecret, "ServiceNowSecret": snowSecret} {
		text, err := json.Marshal(secret)
		if err != nil {
			return false, err
		}
		o.Secrets[id] = string(text)
	}
	o.Parameters = map[string]string{"OktaOrgUrl": okta, "ServiceNowUrl": servicenow, "ServiceNowUser": env("SERVICENOW_USER")}
	o.Outside = http.DefaultTransport
	return true, nil
}
