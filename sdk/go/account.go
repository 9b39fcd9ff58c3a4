package ibkrorders

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"ibkrorders/ordersv1"
)

// ListPositions answers positions as TWS last said them, of one account or, where it is empty, of every one of the login.
func (c *Client) ListPositions(ctx context.Context, account string) (answer *ordersv1.ListPositionsResponse, err error) {
	request := &ordersv1.ListPositionsRequest{Account: account, Timeout: durationpb.New(defaultTimeout)}
	err = c.repeat(ctx, &attempts{timeout: defaultTimeout}, func(ctx context.Context, at services) (err error) {
		answer, err = at.accounts.ListPositions(ctx, request)
		return err
	})
	return answer, err
}

// GetAccount answers the values of an account as TWS last said them; without a name those of the gateway's IB_ACCOUNT, else of the login's only one.
func (c *Client) GetAccount(ctx context.Context, account string) (answer *ordersv1.GetAccountResponse, err error) {
	request := &ordersv1.GetAccountRequest{Account: account, Timeout: durationpb.New(defaultTimeout)}
	err = c.repeat(ctx, &attempts{timeout: defaultTimeout}, func(ctx context.Context, at services) (err error) {
		answer, err = at.accounts.GetAccount(ctx, request)
		return err
	})
	return answer, err
}

// Limits answers the limits in force, what is left of them, and the halts.
func (c *Client) Limits(ctx context.Context) (answer *ordersv1.GetLimitsResponse, err error) {
	err = c.repeat(ctx, &attempts{timeout: defaultTimeout}, func(ctx context.Context, at services) (err error) {
		answer, err = at.risk.GetLimits(ctx, &ordersv1.GetLimitsRequest{})
		return err
	})
	return answer, err
}

// Halt stops new orders of everybody, of one caller or for one account. Safe to repeat. A request without a timeout has 5 s.
func (c *Client) Halt(ctx context.Context, request *ordersv1.HaltRequest) (answer *ordersv1.HaltResponse, err error) {
	err = c.repeat(ctx, &attempts{timeout: timeoutOf(request.Timeout)}, func(ctx context.Context, at services) (err error) {
		answer, err = at.risk.Halt(ctx, request)
		return err
	})
	return answer, err
}

// Resume lifts halts: every one, or those of a caller or for an account. An attempt whose answer got lost is not made again, because it would
// lift a halt that somebody else made meanwhile.
func (c *Client) Resume(ctx context.Context, request *ordersv1.ResumeRequest) (answer *ordersv1.ResumeResponse, err error) {
	err = c.repeat(ctx, &attempts{timeout: defaultTimeout, once: true}, func(ctx context.Context, at services) (err error) {
		answer, err = at.risk.Resume(ctx, request)
		return err
	})
	return answer, err
}

// CancelAll cancels open orders one by one; exits of positions stay unless they are asked for. An attempt whose answer got lost is not made again,
// because it would cancel what was placed meanwhile. A request without a timeout has 5 s.
func (c *Client) CancelAll(ctx context.Context, request *ordersv1.CancelAllRequest) (answer *ordersv1.CancelAllResponse, err error) {
	err = c.repeat(ctx, &attempts{timeout: timeoutOf(request.Timeout), once: true}, func(ctx context.Context, at services) (err error) {
		answer, err = at.risk.CancelAll(ctx, request)
		return err
	})
	return answer, err
}

func timeoutOf(given *durationpb.Duration) time.Duration {
	if given == nil {
		return defaultTimeout
	}
	return given.AsDuration()
}

// AccountWatch shows positions and values as they change, across the streams it needs. Not safe for several goroutines.
type AccountWatch struct {
	following
	account string
	stream  ordersv1.AccountService_WatchAccountClient
}

// WatchAccount shows all that is known of one account (of every one of the login where it is empty), then what changes, until the context ends or
// Close. A stream that breaks is opened again and begins with all there is.
func (c *Client) WatchAccount(ctx context.Context, account string) *AccountWatch {
	return &AccountWatch{following: newFollowing(c, ctx, time.Second, time.Minute), account: account}
}

// Next waits for the next update. It answers an *OrderError when the watch cannot go on.
func (w *AccountWatch) Next() (*ordersv1.WatchAccountResponse, error) {
	for {
		update, err := w.receive()
		if err == nil {
			w.heard()
			return update, nil
		}
		w.stream = nil
		w.drop()
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if w.ctx.Err() != nil {
			return nil, w.ctx.Err()
		}
		if err := w.again(orderError(err)); err != nil {
			return nil, err
		}
	}
}

func (w *AccountWatch) receive() (*ordersv1.WatchAccountResponse, error) {
	if w.stream == nil {
		request := &ordersv1.WatchAccountRequest{Account: w.account, PollInterval: durationpb.New(w.heartbeat)}
		stream, err := servicesOf(w.client.current().watches).accounts.WatchAccount(w.begin(), request)
		if err != nil {
			return nil, err
		}
		w.stream = stream
	}
	return w.stream.Recv()
}
