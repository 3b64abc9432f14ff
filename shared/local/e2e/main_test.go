package e2e_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets thousands of short worlds come and go without collecting each.
func TestMain(m *testing.M) {
	debug.SetGCPercent(1000)
	debug.SetMemoryLimit(3 << 30)
	os.Exit(m.Run())
}
