package dynamo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// operations are what a request may ask for, by the name in X-Amz-Target.
var operations = map[string]func(*DB, []byte) (any, error){
	"PutItem":            reading(func(db *DB, w write) (any, error) { return db.writeItem("Put", w) }),
	"UpdateItem":         reading(func(db *DB, w write) (any, error) { return db.writeItem("Update", w) }),
	"DeleteItem":         reading(func(db *DB, w write) (any, error) { return db.writeItem("Delete", w) }),
	"GetItem":            reading(func(db *DB, g get) (any, error) { return db.getItem(g) }),
	"Query":              reading(func(db *DB, q search) (any, error) { return db.search(true, q) }),
	"Scan":               reading(func(db *DB, q search) (any, error) { return db.search(false, q) }),
	"TransactWriteItems": reading((*DB).transactWrite),
	"TransactGetItems":   reading((*DB).transactGet),
	"BatchWriteItem":     reading((*DB).batchWrite),
	"BatchGetItem":       reading((*DB).batchGet),
	"CreateTable":        reading((*DB).create),
	"DescribeTable":      reading((*DB).describe),
	"DeleteTable":        reading((*DB).drop),
	"ListTables":         reading((*DB).list),
	"UpdateTimeToLive":   reading((*DB).setTTL),
	"DescribeTimeToLive": reading((*DB).describeTTL),
}

// reading makes an operation of a function that wants its input decoded. A
// parameter that In does not know is refused: it would have no effect.
//
// The function runs under the DB's lock, one call after the other: that is what
// makes conditions and transactions atomic. Its answer may share items with the
// tables, because items are never changed once they are made.
func reading[In any](do func(*DB, In) (any, error)) func(*DB, []byte) (any, error) {
	return func(db *DB, body []byte) (any, error) {
		var in In
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			return nil, err
		}
		db.mu.Lock()
		defer db.mu.Unlock()
		now := time.Now()
		for _, t := range db.tables {
			t.sweep(now)
		}
		return do(db, in)
	}
}

// Operation is the name of the operation that a request asks for, e.g.
// "PutItem"; for functions that decide about faults.
func Operation(r *http.Request) string {
	target := r.Header.Get("X-Amz-Target")
	return target[strings.LastIndexByte(target, '.')+1:]
}

// ServeHTTP answers one call.
func (db *DB) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	id, fault := db.arrive(r, body)
	var status int
	var answer []byte
	if fault == nil {
		status, answer = db.process(r, body)
	} else {
		status, answer = db.faulty(r, body, fault)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Requestid", id)
	w.WriteHeader(status)
	// The caller may have gone; there is nobody left to tell.
	_, _ = w.Write(answer)
}

// arrive counts the request and decides what will go wrong with it.
func (db *DB) arrive(r *http.Request, body []byte) (id string, fault *Fault) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.serial++
	db.counts[Operation(r)]++
	if db.fault != nil {
		db.faulted++
		r.Body = io.NopCloser(bytes.NewReader(body)) // for decide to look at
		fault = db.fault(r, db.faulted)
	}
	return fmt.Sprintf("LOCAL%021d", db.serial), fault
}

// process carries out the call.
func (db *DB) process(r *http.Request, body []byte) (status int, answer []byte) {
	operation, known := operations[Operation(r)]
	if !known {
		return refuse("UnknownOperationException", "the embedded DynamoDB has no operation %q", Operation(r)).answer()
	}
	result, err := operation(db, body)
	if err == nil {
		answer, err = encode(result)
	}
	if err != nil {
		return asAPIError(err).answer()
	}
	return http.StatusOK, answer
}

func (e *apiError) answer() (status int, body []byte) {
	body, err := encode(e.body())
	if err != nil {
		panic("dynamo: an error cannot be encoded: " + err.Error())
	}
	return e.status, body
}
