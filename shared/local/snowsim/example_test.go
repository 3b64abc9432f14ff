package snowsim_test

import (
	"fmt"
	"net/http"

	"lifecycle/shared/local/snowsim"
)

// A ticket is opened as a person, answered over the wire as the integration, and
// read back as people see it.
func Example() {
	instance := snowsim.New(snowsim.Options{})
	id, err := instance.As("priya.raman@example.com").Insert("incident", map[string]string{
		"short_description": "New hire", "u_kind": "onboarding", "u_email": "new.hire@example.com",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: instance.Transport()}
	request, err := http.NewRequest(http.MethodGet, "https://instance.example/api/now/v2/table/incident/"+id+"?sysparm_fields=number,state", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	request.SetBasicAuth(snowsim.IntegrationUser, snowsim.IntegrationPassword)
	response, err := client.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	fmt.Println(response.Status)

	ticket, _ := instance.Ticket("incident", id)
	fmt.Println(ticket.Number, ticket.State, ticket.OpenedBy)
	// Output:
	// 200 OK
	// INC0010001 New Priya Raman
}
