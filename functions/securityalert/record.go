package securityalert

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/platform"
)

// executions is the part of the Step Functions client that is needed here.
type executions interface {
	StartExecution(context.Context, *sfn.StartExecutionInput, ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error)
	SendTaskSuccess(context.Context, *sfn.SendTaskSuccessInput, ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error)
	DescribeExecution(context.Context, *sfn.DescribeExecutionInput, ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error)
}

// desk puts findings on file, and sees to it that an execution works on each
// alert.
type desk struct {
	store   store
	sfn     executions
	machine string // ARN
}

// perWrite is how many events go into one transaction with their alert: 100 items
// are the most.
const perWrite = 90

// file takes in the findings of one key. Doing it again changes nothing.
func (d *desk) file(ctx context.Context, rules *detect.Rules, key detect.Key, findings []detect.Finding) error {
	var a alert
	for chunk := range slices.Chunk(uuidsOf(findings), perWrite) {
		var err error
		if a, err = d.fileChunk(ctx, rules, key, findings, chunk); err != nil {
			return err
		}
	}
	return d.attend(ctx, a)
}

// uuidsOf are the events of the findings, each once, oldest first.
func uuidsOf(findings []detect.Finding) []string {
	var all []detect.Sighting
	for _, f := range findings {
		all = append(all, f.Sightings...)
	}
	slices.SortStableFunc(all, func(x, y detect.Sighting) int { return int(x.At - y.At) })
	var list []string
	known := map[string]bool{}
	for _, s := range all {
		if !known[s.UUID] {
			known[s.UUID] = true
			list = append(list, s.UUID)
		}
	}
	return list
}

// fileChunk takes in what the findings say of some of their events.
func (d *desk) fileChunk(ctx context.Context, rules *detect.Rules, key detect.Key, findings []detect.Finding, chunk []string) (alert, error) {
	id := key.ID
	var writes []types.TransactWriteItem
	do := func(a *alert) (bool, error) {
		writes = nil
		sorts := make([]string, len(chunk))
		for i, uuid := range chunk {
			sorts[i] = eventKey(uuid)
		}
		there, err := d.store.batch(ctx, alertKey(id), sorts)
		if err != nil {
			return false, err
		}
		a.As = key.As
		events := make(map[string]*filed, len(chunk))
		for _, uuid := range chunk {
			events[uuid] = &filed{rules: rulesOf(there[eventKey(uuid)])}
		}
		for _, f := range findings {
			d.take(a, rules, f, events)
		}
		for _, uuid := range chunk {
			if e := events[uuid]; e.changed {
				writes = append(writes, d.store.event(id, uuid, e))
			}
		}
		if len(writes) == 0 {
			return false, nil
		}
		if !a.Live {
			a.Live, a.Started, a.Token, a.Run = true, false, "", a.Run+1
		}
		return true, nil
	}
	return d.store.change(ctx, id, do, func(alert) []types.TransactWriteItem { return writes })
}

// filed is an event of an alert.
type filed struct {
	rules   []string
	changed bool
}

func eventKey(uuid string) string { return "event#" + uuid }

// take takes in what one finding says of the events of a chunk.
func (d *desk) take(a *alert, rules *detect.Rules, f detect.Finding, events map[string]*filed) {
	part := f
	part.Sightings = nil
	var fresh []detect.Sighting
	for _, s := range f.Sightings {
		e := events[s.UUID]
		if e == nil { // of another chunk
			continue
		}
		if slices.Contains(e.rules, f.Rule.ID) {
			continue
		}
		if len(e.rules) == 0 {
			fresh = append(fresh, s)
		}
		e.rules, e.changed = append(e.rules, f.Rule.ID), true
		part.Sightings = append(part.Sightings, s)
	}
	if len(part.Sightings) > 0 {
		a.absorb(rules, part, fresh)
	}
}

// rulesOf are the rules that an event is on file under; none for one that is not.
func rulesOf(i item) []string {
	var list []string
	if json.Unmarshal([]byte(textOf(i["rules"])), &list) != nil {
		return nil
	}
	return list
}

func (s store) event(id, uuid string, e *filed) types.TransactWriteItem {
	names, err := json.Marshal(e.rules)
	if err != nil { // strings: cannot happen
		names = []byte("[]")
	}
	i := keys(alertKey(id), eventKey(uuid))
	i["rules"], i["expires"] = text(string(names)), number(time.Now().Add(remembered).Unix())
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: i}}
}

// attend sees to it that an execution works on a live alert: it starts the one
// that is not known to exist, and wakes one that waits, where there is reason to.
func (d *desk) attend(ctx context.Context, a alert) error {
	if !a.Live {
		return nil
	}
	if !a.Started {
		if err := d.start(ctx, a); err != nil {
			return err
		}
	}
	if a.Token == "" || !a.pressing(time.Now()) {
		return nil
	}
	return d.wake(ctx, a.Token)
}

// start starts the alert's execution, which Step Functions does once per name.
func (d *desk) start(ctx context.Context, a alert) error {
	input, err := json.Marshal(a.subject())
	if err != nil {
		return err
	}
	in := &sfn.StartExecutionInput{StateMachineArn: aws.String(d.machine), Name: aws.String(a.execution()), Input: aws.String(string(input))}
	if trace := platform.TraceHeader(ctx); trace != "" {
		in.TraceHeader = aws.String(trace)
	}
	_, err = d.sfn.StartExecution(ctx, in)
	var exists *sfntypes.ExecutionAlreadyExists
	if err != nil && !errors.As(err, &exists) {
		return platform.AWSError("the execution of the alert could not be started", err)
	}
	_, err = d.store.update(ctx, a.ID, func(now *alert) bool {
		if now.Run != a.Run || now.Started {
			return false
		}
		now.Started = true
		return true
	})
	return err
}

// wake resumes a waiting execution. A token that is used up is fine: the
// execution looks for news before it waits again.
func (d *desk) wake(ctx context.Context, token string) error {
	_, err := d.sfn.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: aws.String(token), Output: aws.String(`{"woken":true}`)})
	if spent(err) {
		return nil
	}
	return platform.AWSError("the execution of the alert could not be woken", err)
}

func spent(err error) bool {
	var (
		timedOut *sfntypes.TaskTimedOut
		invalid  *sfntypes.InvalidToken
		unknown  *sfntypes.TaskDoesNotExist
	)
	return errors.As(err, &timedOut) || errors.As(err, &invalid) || errors.As(err, &unknown)
}
