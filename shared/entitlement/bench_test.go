package entitlement_test

import (
	"fmt"
	"iter"
	"runtime"
	"testing"

	"lifecycle/shared/entitlement"
)

// large is a document of 500 rules: three fifths rows, two fifths conditions.
// Documents of another version give some roles to other titles.
func large(version string) []byte {
	const n = 500
	type object = map[string]any
	groups, roles, byType := object{}, object{}, object{"employee": []string{"r0"}, "contractor": []string{"r1"}}
	for i := range 100 {
		groups[fmt.Sprintf("Group %d", i)] = fmt.Sprintf("00g%017d", i)
		roles[fmt.Sprintf("r%d", i)] = object{"description": "d", "groups": []string{fmt.Sprintf("Group %d", i), fmt.Sprintf("Group %d", (i+7)%100)}}
	}
	shift := 0
	if version != "1" {
		shift = 1
	}
	var rows, conditions []object
	for i := range n * 3 / 5 {
		row := object{"title": fmt.Sprintf("Title %d", i/2), "gives": []string{fmt.Sprintf("r%d", (i+shift)%100)}}
		if i%2 == 1 {
			row["department"] = fmt.Sprintf("Department %d", i%20)
		}
		rows = append(rows, row)
	}
	for i := range n * 2 / 5 {
		when := fmt.Sprintf(`department == "Department %d" and location in ["City %d", "City %d"]`, i%20, i%7, i%11)
		switch i % 4 {
		case 1:
			when = fmt.Sprintf(`title endsWith " %d" and employeeType == "employee"`, i)
		case 2:
			when = fmt.Sprintf(`title matches "^title [0-9]*%d$" or manager == "E%d"`, i, i)
		}
		conditions = append(conditions, object{"name": fmt.Sprintf("c%d", i), "description": "d", "when": when, "gives": []string{fmt.Sprintf("r%d", i%100)}})
	}
	return mustJSON(object{
		"version": version, "groups": groups, "roles": roles, "baseline": object{"employeeType": byType},
		"tables":     []object{{"name": "job", "columns": []string{"title", "department"}, "complete": true, "rows": rows}},
		"conditions": conditions,
	})
}

// crowd are n people, the same on every call.
func crowd(n int) iter.Seq[entitlement.Person] {
	return func(yield func(entitlement.Person) bool) {
		for i := range n {
			p := entitlement.Person{ID: fmt.Sprintf("00u%017d", i), Profile: entitlement.Profile{
				Title: fmt.Sprintf("Title %d", i*7%400), Department: fmt.Sprintf("Department %d", i*3%20),
				Location: fmt.Sprintf("City %d", i%13), EmployeeType: "employee", Manager: fmt.Sprintf("E%d", i%900),
			}}
			if i%9 == 0 {
				p.Profile.EmployeeType = "contractor"
			}
			if !yield(p) {
				return
			}
		}
	}
}

func BenchmarkBirthright(b *testing.B) {
	rules := load(b, large("1"))
	profiles := make([]entitlement.Profile, 0, 1000)
	for p := range crowd(1000) {
		profiles = append(profiles, p.Profile)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		rules.Birthright(profiles[i%len(profiles)])
		i++
	}
}

// BenchmarkCompany decides about 100,000 people by 500 rules.
func BenchmarkCompany(b *testing.B) {
	rules := load(b, large("1"))
	b.ReportAllocs()
	grants := 0
	for b.Loop() {
		for p := range crowd(100_000) {
			grants += len(rules.Birthright(p.Profile).Grants)
		}
	}
	if grants == 0 {
		b.Error("nobody got anything")
	}
}

// BenchmarkWhatIf compares two documents of 500 rules over 100,000 people and
// reports the most memory that was in use.
func BenchmarkWhatIf(b *testing.B) {
	current, candidate := load(b, large("1")), load(b, large("2"))
	b.ReportAllocs()
	var peak uint64
	for b.Loop() {
		n := 0
		_, err := entitlement.WhatIf(current, candidate, func(yield func(entitlement.Person, error) bool) {
			for p := range crowd(100_000) {
				if n++; n%10_000 == 0 {
					var now runtime.MemStats
					runtime.ReadMemStats(&now)
					peak = max(peak, now.Sys)
				}
				if !yield(p, nil) {
					return
				}
			}
		}, nil)
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(peak)/(1<<20), "MB-from-system")
}

func BenchmarkLoad(b *testing.B) {
	doc := large("1")
	b.ReportAllocs()
	for b.Loop() {
		load(b, doc)
	}
}
