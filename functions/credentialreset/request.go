package credentialreset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"lifecycle/shared/fault"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// request is what a ticket asks for. It holds personal data and lives only
// inside a step.
type request struct {
	Type, Email, Number string
	// Factor names the factor that is lost; empty: all of them.
	Factor string
	// Proof is how the person's identity was proved, and the reference.
	Proof string
	// Creator is the user name that made the ticket, which nobody can write.
	Creator string
	// Opener and Caller are the sys_ids that the ticket names.
	Opener, Caller string
	// Saver is the user name that saved it last; Own says that it is ours.
	Saver string
	Own   bool
	// Person is whom it is for.
	Person servicenow.Person
}

// content is a hash of all that is asked for: what was accepted and approved
// holds for it and for nothing else.
func (r request) content() string {
	h := sha256.New()
	for _, value := range []string{r.Type, r.Email, r.Number, r.Factor, r.Proof, r.Creator, r.Opener, r.Caller, r.Person.SysID} {
		fmt.Fprintf(h, "%q ", value)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// ReadTicket takes custody of the ticket, reads and checks it.
func (s *Steps) ReadTicket(ctx context.Context, st state) (workflow.Reading, error) {
	return s.tickets.Read(ctx, st.Subject, func(ctx context.Context, t servicenow.Ticket) (workflow.Reading, error) {
		_, problems, err := s.asked(ctx, t)
		return workflow.Reading{Problems: problems}, err
	})
}

// request reads the ticket again. Personal data is read where it is used rather
// than carried through the state machine, whose history keeps what it carried.
func (s *Steps) request(ctx context.Context, subject workflow.Subject) (request, servicenow.Ticket, []string, error) {
	t, err := s.servicenow.Ticket(ctx, s.tickets.Kind, subject.SysID)
	if err != nil {
		return request{}, servicenow.Ticket{}, nil, err
	}
	r, problems, err := s.asked(ctx, t)
	return r, t, problems, err
}

func (s *Steps) asked(ctx context.Context, t servicenow.Ticket) (r request, problems []string, err error) {
	value := func(name string) string { return strings.TrimSpace(t.Value(name)) }
	r = request{
		Type: strings.ToLower(value("reset_type")), Email: strings.ToLower(value("email")), Number: value("employee_number"),
		Factor: value("factor"), Proof: value("identity_proof"), Creator: value("created_by"),
		Opener: t.OpenedBy, Caller: value("caller"), Saver: t.UpdatedBy, Own: s.servicenow.Own(t),
	}
	if !slices.Contains(types, r.Type) {
		problems = append(problems, "The type of reset must be one of "+strings.Join(types, ", ")+".")
	}
	if r.Factor != "" && r.Type != mfa {
		problems = append(problems, "It names a factor, which only a reset of type mfa removes: clear the factor, or change the type.")
	}
	if r.Email != "" && !isAddress(r.Email) {
		return r, append(problems, "The person's email address is not an address."), nil
	}
	if r.Email == "" && r.Number == "" {
		return r, append(problems, "It does not say whom it is for: neither by email address nor by employee number."), nil
	}
	person, problem, err := s.person(ctx, r)
	if problem != "" {
		problems = append(problems, problem)
	}
	r.Person = person
	return r, problems, err
}

func isAddress(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text
}

// person finds whom the ticket is for in ServiceNow, by all that it says of them.
func (s *Steps) person(ctx context.Context, r request) (p servicenow.Person, problem string, err error) {
	const nobody = "Nobody in ServiceNow has this %s: correct it."
	if r.Email != "" {
		p, err = s.servicenow.PersonByEmail(ctx, r.Email)
		if problem, err := unclear(err, fmt.Sprintf(nobody, "email address")); problem != "" || err != nil {
			return servicenow.Person{}, problem, err
		}
	}
	if r.Number == "" {
		return p, "", nil
	}
	numbered, err := s.servicenow.PersonByEmployeeNumber(ctx, r.Number)
	if problem, err := unclear(err, fmt.Sprintf(nobody, "employee number")); problem != "" || err != nil {
		return servicenow.Person{}, problem, err
	}
	if r.Email != "" && p.SysID != numbered.SysID {
		return servicenow.Person{}, "Email address and employee number belong to different people: correct the one that is wrong.", nil
	}
	return numbered, "", nil
}

// unclear turns the errors of a search that a person can mend into a problem.
func unclear(err error, nobody string) (problem string, other error) {
	switch {
	case fault.Is[*fault.NotFound](err):
		return nobody, nil
	case fault.Is[*fault.Invalid](err):
		return "It cannot be told whom it is for: " + err.Error() + ".", nil
	}
	return "", err
}
