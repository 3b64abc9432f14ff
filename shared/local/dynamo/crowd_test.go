package dynamo

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"lifecycle/shared/audit"
)

// crowded is a ledger's table with records of one person, written by the ledger,
// among those of others. The others' are there as the indexes hold them, all of
// them the same item: one that is no record at all, so that whoever reads one of
// them fails.
func crowded(t testing.TB, others, perPerson, perStream int) (*DB, *audit.Ledger) {
	t.Helper()
	db := New()
	spec := Spec{Name: "ledger", Hash: "pk", Range: "sk"}
	for _, name := range []string{"subject", "actor", "day", "ticket", "target"} {
		spec.Indexes = append(spec.Indexes, Index{Name: name, Hash: name, Range: "at_seq"})
	}
	if err := db.CreateTable(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	ledger := audit.New(db.Client(), "ledger")
	for i := range mine {
		ctx := audit.WithTrail(context.Background(), audit.Trail{Stream: fmt.Sprintf("incident/mine%d", i%3), Ticket: "INC0010001", Actor: "system:onboarding"})
		if _, err := ledger.Fact(ctx, audit.Change{System: "okta", Verb: "group.add", Target: "group/1", Subject: "00umine"}); err != nil {
			t.Fatal(err)
		}
	}
	stranger := item{}
	for _, name := range []string{"pk", "sk", "at_seq", "subject"} {
		stranger[name] = value{kind: "S", text: "stranger"}
	}
	fill := func(x *index, name string, each int) {
		crowd := make([]item, each)
		for i := range crowd {
			crowd[i] = stranger
		}
		for i := range others / each {
			x.partitions[fmt.Sprintf("%s%07d", name, i)] = append([]item(nil), crowd...)
		}
	}
	fill(db.tables["ledger"].primary, "incident/", perStream)
	fill(db.tables["ledger"].indexes["subject"], "00u", perPerson)
	return db, ledger
}

const mine = 120

// TestASearchByPersonReadsThatPersonsRecordsOnly counts what a search by person
// reads among ten million records of others.
func TestASearchByPersonReadsThatPersonsRecordsOnly(t *testing.T) {
	sizes := []int{0, 1_000, 100_000, 10_000_000}
	if testing.Short() {
		sizes = sizes[:3]
	}
	for _, size := range sizes {
		db, ledger := crowded(t, size, 100, 50)
		looked, calls := db.Looked(), db.Calls()["Query"]
		began := time.Now()
		found := 0
		s := audit.Search{Subject: "00umine", Limit: 50}
		for {
			page, err := ledger.Search(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			found += len(page.Found)
			if page.Next == (audit.Place{}) {
				break
			}
			s.After = page.Next
		}
		took := time.Since(began)
		looked, calls = db.Looked()-looked, db.Calls()["Query"]-calls
		t.Logf("among %8d records of others: %d found, %d items read in %d queries, %s", size, found, looked, calls, took.Round(time.Microsecond))
		if found != mine || looked != mine || calls != 3 {
			t.Errorf("among %d records of others: %d found, %d read in %d queries; want %d, %d, 3", size, found, looked, calls, mine, mine)
		}
		runtime.GC()
	}
}
