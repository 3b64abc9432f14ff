package detect

// document is the JSON document as it is read; schema.json tells what each member
// means.
type document struct {
	Version    string                 `json:"version"`
	Group      string                 `json:"group"`
	Severities map[Severity]treatment `json:"severities"`
	Privileged struct {
		Groups []string `json:"groups"`
	} `json:"privileged"`
	Networks     map[string][]string   `json:"networks"`
	Rules        []ruleDocument        `json:"rules"`
	Suppressions []suppressionDocument `json:"suppressions"`
}

type treatment struct {
	Priority int     `json:"priority"`
	Contain  Consent `json:"contain"`
	Page     bool    `json:"page"`
}

type ruleDocument struct {
	ID          string     `json:"id"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Respond     []string   `json:"respond"`
	Techniques  []string   `json:"techniques"`
	Disabled    bool       `json:"disabled"`
	Silent      bool       `json:"silent"`
	Events      []string   `json:"events"`
	Outcomes    []string   `json:"outcomes"`
	When        string     `json:"when"`
	Subject     string     `json:"subject"`
	Threshold   *threshold `json:"threshold"`
	Travel      *journey   `json:"travel"`
	After       *sequel    `json:"after"`
	Severity    Severity   `json:"severity"`
	Raise       []struct {
		When string   `json:"when"`
		To   Severity `json:"to"`
	} `json:"raise"`
	Category    string `json:"category"`
	Subcategory string `json:"subcategory"`
	Group       string `json:"group"`
	Correlate   *struct {
		As string   `json:"as"`
		By []string `json:"by"`
	} `json:"correlate"`
	Contain []Action `json:"contain"`
	Consent Consent  `json:"consent"`
}

type threshold struct {
	Count  int    `json:"count"`
	Of     string `json:"of"`
	Per    string `json:"per"`
	Within string `json:"within"`
}

type journey struct {
	Km     float64 `json:"km"`
	Kmh    float64 `json:"kmh"`
	Within string  `json:"within"`
}

type sequel struct {
	Rule   string `json:"rule"`
	By     string `json:"by"`
	Within string `json:"within"`
}

type suppressionDocument struct {
	ID      string   `json:"id"`
	Rules   []string `json:"rules"`
	When    string   `json:"when"`
	Owner   string   `json:"owner"`
	Reason  string   `json:"reason"`
	Expires string   `json:"expires"`
}
