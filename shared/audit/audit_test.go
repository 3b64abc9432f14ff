package audit_test

import (
	"testing"

	"lifecycle/shared/audit/audittest"
	"lifecycle/shared/local/dynamo/dynamotest"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	dynamotest.Run(t, audittest.Run)
}
