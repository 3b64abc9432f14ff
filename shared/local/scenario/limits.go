package scenario

import (
	"context"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/ratelimit"
)

// Granted are the limits of an org whose owner asked Okta for five times the
// default (support.okta.com, how-to-request-a-rate-limit-increase). A story told in
// real time need not wait for more; the tests keep to the default.
func Granted() map[oktasim.Bucket]int {
	limits := oktasim.DefaultLimits()
	for bucket := range limits {
		limits[bucket] *= 5
	}
	return limits
}

// KnowLimits puts the org's limits where calls are booked, as they stand there once
// Okta has answered a while: before its first answer the default is believed.
func (w *World) KnowLimits(ctx context.Context, limits map[oktasim.Bucket]int) error {
	seats := ratelimit.New(w.DynamoDB(), w.Table("ControlTable"), 1)
	for bucket, limit := range limits {
		if err := seats.Learn(ctx, string(bucket), limit, limit, time.Now().Add(time.Minute)); err != nil {
			return err
		}
	}
	return nil
}
