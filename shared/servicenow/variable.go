package servicenow

import (
	"context"
	"fmt"
	"slices"

	"lifecycle/shared/fault"
)

// The answers to a catalog item's questions are kept apart from the request
// item, and those to a record producer's apart from the record.
const (
	itemOptions  = "sc_item_option_mtom"
	itemName     = "sc_item_option.item_option_new.name"
	itemValue    = "sc_item_option.value"
	formAnswers  = "question_answer"
	questionName = "question.name"
)

// requestItem is the column of a catalog task that names its request item.
const requestItem = "request_item"

// ownColumns are columns that a kind needs besides those of its fields.
func (k Kind) ownColumns() []string {
	if _, variables := k.columns(); k.Table == catalogTasks && len(variables) > 0 {
		return []string{requestItem}
	}
	return nil
}

// answers are what one ticket says to its catalog variables.
type answers struct {
	values map[string]string
	// torn are variables that have two answers.
	torn []string
}

// variables reads the answers of several tickets, by the ticket's sys_id.
func (c *Client) variables(ctx context.Context, k Kind, tickets []row) (map[string]answers, error) {
	owner := func(r row) string { return r[idColumn] }
	if k.Table == catalogTasks {
		owner = func(r row) string { return r[requestItem] }
	}
	var owners []string
	for _, r := range tickets {
		if o := owner(r); o != "" && !slices.Contains(owners, o) {
			owners = append(owners, o)
		}
	}
	byTicket := map[string]answers{}
	if len(owners) == 0 {
		return byTicket, nil
	}
	byOwner, err := c.answersOf(ctx, k, owners)
	if err != nil {
		return nil, err
	}
	for _, r := range tickets {
		byTicket[r[idColumn]] = byOwner[owner(r)]
	}
	return byTicket, nil
}

func (c *Client) answersOf(ctx context.Context, k Kind, owners []string) (map[string]answers, error) {
	table, link, name, value := formAnswers, ownerColumn, questionName, valueColumn
	if k.Table == requestItems || k.Table == catalogTasks {
		table, link, name, value = itemOptions, requestItem, itemName, itemValue
	}
	ofOwners, err := within(in, link, owners...)
	if err != nil {
		return nil, err
	}
	byOwner := map[string]answers{}
	for r, err := range c.list(ctx, listing{
		what: "ServiceNow: reading the variables of " + k.Name + " tickets", table: table,
		q: query{ofOwners}, columns: []string{name, value},
	}) {
		if err != nil {
			return nil, err
		}
		a, variable := byOwner[r[link]], r[name]
		if a.values == nil {
			a.values = map[string]string{}
		}
		if earlier, twice := a.values[variable]; twice && earlier != r[value] {
			a.torn = append(a.torn, variable)
		}
		a.values[variable] = r[value]
		byOwner[r[link]] = a
	}
	return byOwner, nil
}

// demand refuses a ticket that lacks a variable or has two answers to one. A
// variable is absent, rather than empty, because its name is not the configured
// one, or because the request item was committed before its variables.
func (a answers) demand(k Kind, number string, variables []string) error {
	if len(a.values) == 0 {
		return &fault.Unavailable{Message: number + " has no catalog variables yet"}
	}
	var problems []string
	for _, name := range slices.Compact(slices.Sorted(slices.Values(variables))) {
		if _, present := a.values[name]; !present {
			problems = append(problems, "There is no variable "+name+".")
		}
		if slices.Contains(a.torn, name) {
			problems = append(problems, "The variable "+name+" has more than one answer.")
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return &fault.Invalid{Message: fmt.Sprintf("%s does not have the catalog variables that the configuration of the %s tickets names", number, k.Name), Problems: problems}
}
