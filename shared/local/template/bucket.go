package template

import "fmt"

// Bucket is one S3 bucket.
type Bucket struct {
	ID, Name  string
	Versioned bool
	// LockMode is GOVERNANCE or COMPLIANCE where what is put is locked for
	// LockDays; empty without such a default.
	LockMode string
	LockDays int
}

func (c *Cloud) addBucket(e *evaluator, id string, properties map[string]any) error {
	b := Bucket{ID: id, Name: e.names[id], Versioned: object(properties["VersioningConfiguration"])["Status"] == "Enabled"}
	if lock := object(object(object(properties["ObjectLockConfiguration"])["Rule"])["DefaultRetention"]); lock != nil {
		mode, err := e.text(lock["Mode"])
		if err != nil {
			return err
		}
		days, err := e.text(lock["Days"])
		if err != nil {
			return err
		}
		if _, err := fmt.Sscan(days, &b.LockDays); err != nil {
			return fmt.Errorf("Object Lock keeps for %q days", days)
		}
		if b.LockMode = mode; !b.Versioned || properties["ObjectLockEnabled"] != true {
			return fmt.Errorf("a bucket with Object Lock is versioned, and made with it")
		}
	}
	c.Buckets = append(c.Buckets, b)
	return nil
}
