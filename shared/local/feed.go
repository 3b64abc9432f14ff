package local

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/template"
)

// feed invokes functions with the changes of tables, as event source mappings do:
// in order, again from the first one that failed, until it succeeds.
func (c *Cloud) feed(ctx context.Context) error {
	for _, f := range c.Template.Functions {
		for _, source := range f.Feeds {
			stream, err := c.DB.Stream(source.Table)
			if err != nil {
				return fmt.Errorf("function %s: %w", f.ID, err)
			}
			c.background.Go(func() { c.pump(ctx, f.ID, source, stream) })
		}
	}
	return nil
}

// longestPause is how long a failing batch waits at most to be tried again.
const longestPause = time.Minute

func (c *Cloud) pump(ctx context.Context, function string, source template.Feed, stream *dynamo.Stream) {
	pause := time.Second
	for stream.Wait(ctx) == nil {
		if stream.Len() < source.Batch && !rest(ctx, source.Window) {
			return
		}
		batch := stream.Read(source.Batch)
		done := c.hand(ctx, function, source, batch)
		stream.Drop(done)
		if done == len(batch) {
			pause = time.Second
			continue
		}
		if !rest(ctx, pause) {
			return
		}
		pause = min(2*pause, longestPause)
	}
}

// rest waits; false means that ctx ended.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// hand invokes the function with a batch and says how many of its changes are
// done with.
func (c *Cloud) hand(ctx context.Context, function string, source template.Feed, batch []dynamo.StreamEntry) (done int) {
	var wanted []json.RawMessage
	for _, entry := range batch {
		raw, err := json.Marshal(entry)
		if err == nil && passes(source.Filters, raw) {
			wanted = append(wanted, raw)
		}
	}
	if len(wanted) == 0 {
		return len(batch)
	}
	payload, err := json.Marshal(map[string]any{"Records": wanted})
	if err != nil {
		return 0
	}
	out, err := c.Invoke(ctx, function, payload)
	var answer events.DynamoDBEventResponse
	if err == nil {
		err = json.Unmarshal(out, &answer)
	}
	if err != nil {
		c.log("the stream of %s waits for %s: %v", source.Table, function, err)
		return 0
	}
	done = len(batch)
	for _, failed := range answer.BatchItemFailures {
		i := slices.IndexFunc(batch, func(e dynamo.StreamEntry) bool { return e.Sequence == failed.ItemIdentifier })
		done = min(done, max(i, 0))
	}
	return done
}

func passes(filters []template.Pattern, raw []byte) bool {
	var plain map[string]any
	if json.Unmarshal(raw, &plain) != nil {
		return false
	}
	return len(filters) == 0 || slices.ContainsFunc(filters, func(p template.Pattern) bool { return p.Matches(plain) })
}
