package approval

import "context"

// Asked reports whether an approval record is one of the desk's own questions:
// then whoever opened the question sees to it that somebody can answer.
func (d *Desk) Asked(ctx context.Context, approvalSysID string) (bool, error) {
	_, found, err := d.store.pointed(ctx, approvalSysID)
	return found, err
}
