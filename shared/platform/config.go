package platform

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"

	"lifecycle/shared/fault"
)

// Config reads the function's environment into a struct whose fields carry tags
// of github.com/caarlos0/env: `env:"IDEMPOTENCY_TABLE,required"`,
// `env:"LEAD_TIME" envDefault:"72h"`. A variable that is set but empty counts as
// not set, because a template can only leave a value empty, not leave it out.
//
// The error is a *fault.Invalid that names every variable that is missing or
// does not fit, so that one deployment mends them all. It never repeats a value.
func Config[T any](c *Cloud) (T, error) {
	set := make(map[string]string, len(c.Env))
	for name, value := range c.Env {
		if value != "" {
			set[name] = value
		}
	}
	config, err := env.ParseAsWithOptions[T](env.Options{Environment: set})
	if err == nil {
		return config, nil
	}
	var zero T
	variables := variablesOf(reflect.TypeFor[T](), map[string]string{})
	problems := problemsOf(err, variables)
	slices.Sort(problems)
	return zero, &fault.Invalid{Message: "the function's environment is not complete", Problems: slices.Compact(problems)}
}

func problemsOf(err error, variables map[string]string) []string {
	var (
		all     env.AggregateError
		missing env.VarIsNotSetError
		empty   env.EmptyVarError
		unfit   env.ParseError
	)
	switch {
	case errors.As(err, &all):
		problems := make([]string, 0, len(all.Errors))
		for _, one := range all.Errors {
			problems = append(problems, problemsOf(one, variables)...)
		}
		return problems
	case errors.As(err, &missing):
		return []string{missing.Key + " is missing"}
	case errors.As(err, &empty):
		return []string{empty.Key + " is missing"}
	case errors.As(err, &unfit):
		name, known := variables[unfit.Name]
		if !known {
			name = "the variable of the field " + unfit.Name
		}
		return []string{fmt.Sprintf("%s is not a valid %s", name, unfit.Type)}
	default:
		return []string{err.Error()}
	}
}

// variablesOf maps the names of fields, which the library reports, to those of
// their variables, which whoever deploys knows.
func variablesOf(t reflect.Type, found map[string]string) map[string]string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return found
	}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		if name != "" {
			found[field.Name] = name
		} else if field.Type != t {
			variablesOf(field.Type, found)
		}
	}
	return found
}
