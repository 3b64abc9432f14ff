package entitlement

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// document is the JSON document as it is read; schema.json tells what each
// member means.
type document struct {
	Version      string               `json:"version"`
	Values       map[string][]string  `json:"values"`
	Groups       map[string]string    `json:"groups"`
	Apps         map[string]string    `json:"apps"`
	Roles        map[string]docRole   `json:"roles"`
	Baseline     docBaseline          `json:"baseline"`
	Tables       []docTable           `json:"tables"`
	Conditions   []docCondition       `json:"conditions"`
	Catalog      map[string]docItem   `json:"catalog"`
	Incompatible []docPair            `json:"incompatible"`
	Protected    docProtected         `json:"protected"`
	Managed      docNames             `json:"managed"`
	Policies     map[string]docPolicy `json:"approvalPolicies"`
}

// docNames name groups and apps that are declared.
type docNames struct {
	Groups []string `json:"groups"`
	Apps   []string `json:"apps"`
}

type docRole struct {
	docNames
	Description string `json:"description"`
}

type docBaseline struct {
	Everybody    []string            `json:"everybody"`
	EmployeeType map[string][]string `json:"employeeType"`
}

type docTable struct {
	Name     string   `json:"name"`
	Columns  []string `json:"columns"`
	Complete bool     `json:"complete"`
	Rows     []docRow `json:"rows"`
}

type docRow struct {
	Title        oneOrMany `json:"title"`
	Department   oneOrMany `json:"department"`
	Location     oneOrMany `json:"location"`
	EmployeeType oneOrMany `json:"employeeType"`
	Role         oneOrMany `json:"role"`
	Gives        []string  `json:"gives"`
	Mode         Mode      `json:"mode"`
}

func (r docRow) columns() [fields]oneOrMany {
	return [fields]oneOrMany{
		title: r.Title, department: r.Department, location: r.Location,
		employeeType: r.EmployeeType, role: r.Role,
	}
}

type docCondition struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	When        string   `json:"when"`
	Gives       []string `json:"gives"`
	Mode        Mode     `json:"mode"`
}

type docItem struct {
	docTarget
	Description string   `json:"description"`
	Risk        Risk     `json:"risk"`
	Owners      []string `json:"owners"`
	Approval    string   `json:"approval"`
	Longest     string   `json:"longest"`
	For         string   `json:"for"`
}

// docTarget names one group or one app.
type docTarget struct {
	Group string `json:"group"`
	App   string `json:"app"`
}

type docPair struct {
	Name    string      `json:"name"`
	Between []docTarget `json:"between"`
	Reason  string      `json:"reason"`
	Mode    Mode        `json:"mode"`
}

type docProtected struct {
	Users []struct {
		ID     string `json:"id"`
		Reason string `json:"reason"`
	} `json:"users"`
	Groups []struct {
		Group  string `json:"group"`
		Reason string `json:"reason"`
	} `json:"groups"`
}

type docPolicy struct {
	Description string     `json:"description"`
	DecidedBy   string     `json:"decidedBy"`
	Stages      []docStage `json:"stages"`
}

type docStage struct {
	Name      string   `json:"name"`
	Approvers []string `json:"approvers"`
	Need      Need     `json:"need"`
	Remind    string   `json:"remind"`
	Escalate  string   `json:"escalate"`
	Expire    string   `json:"expire"`
}

// oneOrMany is a list that may be written as its only element.
type oneOrMany []string

// UnmarshalJSON leaves the list empty where it finds neither: the schema has
// reported it, and the rest of the document is to be checked all the same.
func (m *oneOrMany) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*m = oneOrMany{one}
		return nil
	}
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		*m = many
	}
	return nil
}

// decode reads the document as far as its types allow; what they do not allow
// the schema reports.
func decode(raw []byte) document {
	var doc document
	_ = json.Unmarshal(raw, &doc)
	return doc
}

// repeatedMembers finds names that stand twice in one object. Every JSON library
// takes one of them and drops the other: of two roles of the same name, one
// would vanish without a word.
func repeatedMembers(raw []byte, found *problems) error {
	type level struct {
		where   pointer
		members map[string]bool // nil in an array
		name    string          // the member whose value comes next
		named   bool
		index   int
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var stack []level
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			stack = stack[:len(stack)-1]
			continue
		}
		var here pointer
		if n := len(stack); n > 0 {
			top := &stack[n-1]
			if name, ok := token.(string); ok && top.members != nil && !top.named {
				if top.members[name] {
					found.add(top.where.at(name), "merge the two, or give one of them another name",
						"%q stands twice in the same object", shortened(name))
				}
				top.members[name], top.name, top.named = true, name, true
				continue
			}
			if top.members == nil {
				here = top.where.at(top.index)
				top.index++
			} else {
				here, top.named = top.where.at(top.name), false
			}
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{where: here, members: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{where: here})
		}
	}
}

// position tells line and column of a syntax error.
func position(raw []byte, err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return ""
	}
	before := raw[:min(max(int(syntax.Offset)-1, 0), len(raw))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf(" (line %d, column %d)", line, column)
}
