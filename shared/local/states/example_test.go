package states_test

import (
	"context"
	"fmt"

	"lifecycle/shared/local/states"
)

func Example() {
	engine := states.New(states.Options{
		Invoke: func(_ context.Context, functionARN string, payload []byte) ([]byte, error) {
			fmt.Printf("%s is asked %s\n", functionARN, payload)
			return []byte(`{"greeting": "Hello, Ann"}`), nil
		},
		OnEvent: func(e states.Event) {
			if e.Entered() {
				fmt.Println("enters", e.State)
			}
		},
	})
	defer engine.Close()
	err := engine.Create("greeter", `{
		"StartAt": "Greet",
		"States": {
			"Greet": {"Type": "Task", "Resource": "${GreeterArn}", "Parameters": {"who.$": "$.name"}, "OutputPath": "$.greeting", "Next": "Done"},
			"Done": {"Type": "Succeed"}
		}
	}`, map[string]string{"GreeterArn": "arn:aws:lambda:us-east-1:123456789012:function:Greeter"})
	if err != nil {
		fmt.Println(err)
		return
	}
	arn, err := engine.Start(engine.Machines()[0].ARN, "first", `{"name": "Ann"}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	x, err := engine.Wait(context.Background(), arn)
	fmt.Println(x.Status, x.Output, err)
	// Output:
	// enters Greet
	// arn:aws:lambda:us-east-1:123456789012:function:Greeter is asked {"who":"Ann"}
	// enters Done
	// SUCCEEDED "Hello, Ann" <nil>
}
