package e2e_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets thousands of short worlds come and go without collecting each.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
