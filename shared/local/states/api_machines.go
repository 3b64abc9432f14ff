package states

type machineAnswer struct {
	StateMachineArn string `json:"stateMachineArn"`
	Name            string `json:"name,omitempty"`
	Status          string `json:"status,omitempty"`
	Definition      string `json:"definition,omitempty"`
	RoleArn         string `json:"roleArn,omitempty"`
	Type            string `json:"type,omitempty"`
	CreationDate    *epoch `json:"creationDate,omitempty"`
	UpdateDate      *epoch `json:"updateDate,omitempty"`
	RevisionID      string `json:"revisionId,omitempty"`
}

func (e *Engine) createStateMachine(asked *request) (any, error) {
	if asked.Type != "" && asked.Type != "STANDARD" {
		return nil, refuse("ValidationException", "only STANDARD machines are run here, not %s", asked.Type)
	}
	m, err := e.create(asked.Name, asked.Definition, asked.RoleArn)
	if err != nil {
		return nil, err
	}
	created := epoch(m.created)
	return machineAnswer{StateMachineArn: m.arn, CreationDate: &created}, nil
}

func (e *Engine) updateStateMachine(asked *request) (any, error) {
	if asked.Definition == "" && asked.RoleArn == "" {
		return nil, refuse("MissingRequiredParameter", "Either the definition, the role ARN, the LoggingConfiguration, the EncryptionConfiguration, or the TracingConfiguration must be specified")
	}
	m, err := e.update(asked.StateMachineArn, asked.Definition, asked.RoleArn)
	if err != nil {
		return nil, err
	}
	return map[string]any{"updateDate": epoch(m.updated), "revisionId": m.revision}, nil
}

func (e *Engine) describeStateMachine(asked *request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	m, exists := e.machines[asked.StateMachineArn]
	if !exists {
		return nil, refuse("StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", asked.StateMachineArn)
	}
	created := epoch(m.created)
	return machineAnswer{
		StateMachineArn: m.arn, Name: m.name, Status: "ACTIVE", Definition: m.definition, RoleArn: m.role, Type: m.kind,
		CreationDate: &created, RevisionID: m.revision,
	}, nil
}

// describeStateMachineForExecution tells the definition that an execution
// started with.
func (e *Engine) describeStateMachineForExecution(asked *request) (any, error) {
	x, err := e.execution(asked.ExecutionArn)
	if err != nil {
		return nil, err
	}
	m := x.machine
	updated := epoch(m.updated)
	return machineAnswer{
		StateMachineArn: m.arn, Name: m.name, Definition: m.definition, RoleArn: m.role, UpdateDate: &updated, RevisionID: m.revision,
	}, nil
}

func (e *Engine) listStateMachines(asked *request) (any, error) {
	all := e.Machines()
	from, to, next, err := page(asked, len(all))
	if err != nil {
		return nil, err
	}
	list := []machineAnswer{}
	for _, m := range all[from:to] {
		created := epoch(m.Created)
		list = append(list, machineAnswer{StateMachineArn: m.ARN, Name: m.Name, Type: "STANDARD", CreationDate: &created})
	}
	return paged(map[string]any{"stateMachines": list}, next), nil
}

func paged(out map[string]any, next string) map[string]any {
	if next != "" {
		out["nextToken"] = next
	}
	return out
}
