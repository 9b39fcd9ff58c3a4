package ibkrorders

import (
	"context"
	"time"
)

const (
	// A call's own deadline is this much later than the time it gives the gateway: the answer needs to arrive.
	answerTime = 2 * time.Second
	// First and longest pause between two attempts.
	pauseMin = 100 * time.Millisecond
	pauseMax = 2 * time.Second
)

// Refusals that another moment or another gateway lifts, and that promise that nothing was sent.
var transient = map[string]bool{"SHUTTING_DOWN": true, "OVERLOADED": true, "STANDBY": true}

// attempts are those of one call that may be made again.
type attempts struct {
	requestID string // of a call that makes or changes something, once under this id
	once      bool   // the call must not be made again where an earlier attempt may have done what it asks for
	timeout   time.Duration
	made      int
	unknown   bool
}

// callContext bounds the next attempt so that a lost answer leaves time for another.
func (a *attempts) callContext(ctx context.Context) (context.Context, context.CancelFunc) {
	a.made++
	return context.WithTimeout(ctx, a.timeout+answerTime)
}

// after waits until the next attempt. It answers the error that the call ends with where another cannot help or there is no time.
func (a *attempts) after(ctx context.Context, err *OrderError, elsewhere func(leader string)) error {
	if !err.OutcomeIsKnown() {
		if a.once {
			return err
		}
		a.unknown = true
	} else if !transient[err.Reason] && !(a.unknown && err.RetryAfter > 0) {
		// The same for the same request, whenever it arrives: it settles earlier attempts too.
		return err
	}
	if !err.FromGateway() || transient[err.Reason] {
		elsewhere(err.Metadata["leader"])
	}
	wait := pause(a.made, err)
	deadline, bounded := ctx.Deadline()
	if ctx.Err() != nil || (bounded && time.Until(deadline) <= wait) || sleep(ctx, wait) != nil {
		if a.unknown && a.requestID != "" {
			return &OutcomeUnknown{RequestID: a.requestID, Last: err}
		}
		return err
	}
	return nil
}

func pause(attempt int, err *OrderError) time.Duration {
	wait := pauseMax
	if attempt < 6 {
		wait = pauseMin << max(attempt-1, 0)
	}
	if err.RetryAfter > 0 {
		wait = err.RetryAfter
	}
	if wait > pauseMax {
		wait = pauseMax
	}
	return wait
}

func max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
