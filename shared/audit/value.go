package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxValue is the most that Before or After may take as JSON, in bytes: a
// ledger record is evidence, not a store of documents.
const MaxValue = 32 << 10

// kept is the value as the ledger keeps it: decoded JSON without secrets.
func kept(value any) (any, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	clean, err := decoded(raw)
	if err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	clean = withoutSecrets(clean)
	text, err := canonical(clean)
	if err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	if len(text) > MaxValue {
		return nil, fmt.Errorf("it takes %d bytes, and more than %d are not kept", len(text), MaxValue)
	}
	return clean, nil
}

// canonical encodes decoded JSON in the one form that is hashed: no white space,
// and the keys of every object in order.
func canonical(value any) (string, error) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// decoded reads JSON without rounding numbers.
func decoded(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}

// withoutSecrets drops what stands under a secret's name, at any depth.
func withoutSecrets(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if secretName(name) {
				delete(v, name)
				continue
			}
			v[name] = withoutSecrets(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = withoutSecrets(inner)
		}
	}
	return value
}

// secretName reports whether a value under that name could open a door:
// passwords, secrets, tokens, keys, and the links Okta sends for activation,
// recovery and reset.
func secretName(name string) bool {
	name = strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(strings.ToLower(name))
	for _, part := range []string{"password", "passwd", "passphrase", "secret", "token", "privatekey", "apikey", "authorization", "credential", "cookie", "assertion", "passcode", "recoveryquestion"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	link := strings.HasSuffix(name, "url") || strings.HasSuffix(name, "link") || strings.HasSuffix(name, "href")
	return link && (strings.Contains(name, "activat") || strings.Contains(name, "reset") || strings.Contains(name, "recover"))
}

// cut shortens a text to at most n bytes without breaking a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	const more = "…"
	end := n - len(more)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + more
}
