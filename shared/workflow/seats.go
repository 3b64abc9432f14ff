package workflow

import (
	"context"
	"time"

	"lifecycle/shared/ratelimit"
)

// booker is the part of ratelimit.Seats that booking needs.
type booker interface {
	Book(ctx context.Context, class ratelimit.Class, id string, needs []ratelimit.Need) (ratelimit.Booking, error)
	CheckIn(ctx context.Context, b ratelimit.Booking) (ratelimit.Booking, error)
}

// Seats is the result of a BookSeats state: whether to wait, and until when.
// The Wait state behind it sleeps until At and comes back with the booking.
type Seats struct {
	Wait    bool              `json:"wait"`
	At      time.Time         `json:"at"`
	Booking ratelimit.Booking `json:"booking"`
}

// nearEnough is the wait that is cheaper to take inside the function than as
// two more state transitions.
const nearEnough = 2 * time.Second

// BookSeats books the calls a stretch of steps needs, or checks in with the
// booking that earlier holds when the state machine has waited for it. A retry
// of the same visit to the state gets the same booking.
func BookSeats(ctx context.Context, seats booker, class ratelimit.Class, needs []ratelimit.Need, earlier Seats) (Seats, error) {
	return BookSeatsFor(ctx, seats, class, "", needs, earlier)
}

// BookSeatsFor is BookSeats for one of several branches that run side by side: it
// names the branch, since two may enter a state at the same moment.
func BookSeatsFor(ctx context.Context, seats booker, class ratelimit.Class, branch string, needs []ratelimit.Need, earlier Seats) (Seats, error) {
	task, err := current(ctx)
	if err != nil {
		return Seats{}, err
	}
	booking := earlier.Booking
	if !earlier.Wait {
		id := task.Name() + "/" + task.Entered
		if branch != "" {
			id += "/" + branch
		}
		if booking, err = seats.Book(ctx, class, id, needs); err != nil {
			return Seats{}, err
		}
	}
	// A booking for later checks in when its time comes: urgent work may have
	// pushed its lane back meanwhile.
	for {
		ahead := time.Until(booking.At)
		if ahead > nearEnough {
			return Seats{Wait: true, At: roundUp(booking.At), Booking: booking}, nil
		}
		if ahead > 0 {
			if err := pause(ctx, ahead); err != nil {
				return Seats{}, err
			}
		}
		if booking, err = seats.CheckIn(ctx, booking); err != nil {
			return Seats{}, err
		}
		if !booking.At.After(time.Now()) {
			return Seats{At: booking.At, Booking: booking}, nil
		}
	}
}

// roundUp goes to the next whole second, because Step Functions' timestamps
// must never bring us back before the seat is free.
func roundUp(t time.Time) time.Time {
	return t.UTC().Add(time.Second - time.Nanosecond).Truncate(time.Second)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
