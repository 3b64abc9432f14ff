//go:build tools

package oktasim

// The conformance test reads Okta's API description out of this module; the
// import keeps it in go.mod.
import _ "github.com/okta/okta-sdk-golang/v5/okta"
