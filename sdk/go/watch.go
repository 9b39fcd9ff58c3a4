package ibkrorders

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"ibkrorders/ordersv1"
)

// Execution ids that a watch remembers, the oldest forgotten first.
const execIDsMax = 100_000

// A watch that ended with one of these goes on after the last sequence seen.
var resumable = map[string]bool{
	GatewayUnavailable: true, "SHUTTING_DOWN": true, "LAGGED": true, "STANDBY": true, "STORE": true, "OVERLOADED": true, "INTERNAL": true,
}

// WatchOptions say what is watched, and from where.
type WatchOptions struct {
	// OrderID is the order; 0 watches every order without end.
	OrderID int32
	// PlacedAs names the order by the request id it was placed under.
	PlacedAs string
	// WithFamily shows, of an order of a bracket, every order of the bracket, until all have ended.
	WithFamily bool
	// AfterSequence resumes after a sequence seen before. 0: start with the current state.
	AfterSequence uint64
	// Heartbeat is the longest silence. 0: 1 s.
	Heartbeat time.Duration
	// OutageMax is how long the watch goes on without a gateway. 0: 60 s.
	OutageMax time.Duration
}

// Event is one event of a watch. One of the pointers is set, or Heartbeat or SnapshotEnd.
type Event struct {
	// Sequence is a cursor for AfterSequence.
	Sequence uint64
	Order    *ordersv1.OrderState
	Fill     *ordersv1.Fill
	Link     *ordersv1.Link
	// HistoryChanged says that another gateway took over, and that what was shown after Sequence may not have happened in its history.
	HistoryChanged bool
	SnapshotEnd    bool
	Heartbeat      bool
	// Connected says in a heartbeat whether the session with TWS is up.
	Connected bool
}

// following is a watch across the streams it needs: how long it goes on without a gateway.
type following struct {
	client    *Client
	ctx       context.Context
	cancel    context.CancelFunc
	heartbeat time.Duration
	outageMax time.Duration
	end       context.CancelFunc
	attempt   int
	heardAt   time.Time
}

func newFollowing(client *Client, ctx context.Context, heartbeat, outageMax time.Duration) following {
	ctx, cancel := context.WithCancel(ctx)
	return following{client: client, ctx: ctx, cancel: cancel, heartbeat: heartbeat, outageMax: outageMax, heardAt: time.Now()}
}

// Close ends the watch.
func (f *following) Close() { f.cancel() }

// begin counts an attempt and answers the context of its stream.
func (f *following) begin() context.Context {
	f.attempt++
	var ctx context.Context
	ctx, f.end = context.WithCancel(f.client.authorized(f.ctx))
	return ctx
}

func (f *following) heard() { f.attempt, f.heardAt = 0, time.Now() }

func (f *following) drop() {
	if f.end != nil {
		f.end()
	}
	f.end = nil
}

// again waits until the next stream. It answers the error that the watch ends with where another cannot help.
func (f *following) again(failed *OrderError) error {
	wait := pause(f.attempt, failed)
	if !resumable[failed.Reason] || time.Since(f.heardAt)+wait > f.outageMax {
		return failed
	}
	f.client.elsewhere(failed.Metadata["leader"])
	return sleep(f.ctx, wait)
}

// Watch shows what happens, each event once, across the streams it needs. Not safe for several goroutines.
type Watch struct {
	following
	options WatchOptions
	stream  ordersv1.OrderService_WatchClient
	execIDs map[string]bool
	execLog []string
}

// Watch begins a watch. It ends with its order (with all orders of the bracket where WithFamily is set), with the context, or with Close.
func (c *Client) Watch(ctx context.Context, options WatchOptions) *Watch {
	if options.Heartbeat == 0 {
		options.Heartbeat = time.Second
	}
	if options.OutageMax == 0 {
		options.OutageMax = time.Minute
	}
	return &Watch{following: newFollowing(c, ctx, options.Heartbeat, options.OutageMax), options: options, execIDs: map[string]bool{}}
}

// Next waits for the next event. It answers io.EOF when the order has ended, and an *OrderError when the watch cannot go on.
func (w *Watch) Next() (*Event, error) {
	for {
		event, err := w.receive()
		if err == nil {
			w.heard()
			if shown := w.take(event); shown != nil {
				return shown, nil
			}
			continue
		}
		w.stream = nil
		w.drop()
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if w.ctx.Err() != nil {
			return nil, w.ctx.Err()
		}
		failed := orderError(err)
		if resume, isNumber := strconv.ParseUint(failed.Metadata["resumeAfter"], 10, 64); failed.Reason == "SEQUENCE" && isNumber == nil {
			w.options.AfterSequence = resume
			return &Event{Sequence: resume, HistoryChanged: true}, nil
		}
		if err := w.again(failed); err != nil {
			return nil, err
		}
	}
}

func (w *Watch) receive() (*ordersv1.WatchResponse, error) {
	if w.stream == nil {
		request := &ordersv1.WatchRequest{
			Order: &ordersv1.WatchRequest_OrderId{OrderId: w.options.OrderID}, AfterSequence: w.options.AfterSequence,
			PollInterval: durationpb.New(w.heartbeat), WithFamily: w.options.WithFamily,
		}
		if w.options.PlacedAs != "" {
			request.Order = &ordersv1.WatchRequest_PlacedAs{PlacedAs: w.options.PlacedAs}
		}
		stream, err := servicesOf(w.client.current().watches).orders.Watch(w.begin(), request)
		if err != nil {
			return nil, err
		}
		w.stream = stream
	}
	return w.stream.Recv()
}

// take answers the event of a message, or nil for one that was shown before.
func (w *Watch) take(response *ordersv1.WatchResponse) *Event {
	event := &Event{Sequence: response.Sequence}
	// Orders and fills have sequences of their own, in rising order, those of the current state included. Other events carry that of the last one
	// delivered.
	stored := response.GetOrder() != nil || response.GetFill() != nil
	if stored && response.Sequence <= w.options.AfterSequence {
		return nil
	}
	if response.Sequence > w.options.AfterSequence {
		w.options.AfterSequence = response.Sequence
	}
	switch kind := response.Event.(type) {
	case *ordersv1.WatchResponse_Order:
		event.Order = kind.Order
	case *ordersv1.WatchResponse_Fill:
		if w.execIDs[kind.Fill.ExecId] {
			return nil
		}
		w.execIDs[kind.Fill.ExecId] = true
		w.execLog = append(w.execLog, kind.Fill.ExecId)
		if len(w.execLog) > execIDsMax {
			delete(w.execIDs, w.execLog[0])
			w.execLog = w.execLog[1:]
		}
		event.Fill = kind.Fill
	case *ordersv1.WatchResponse_Link:
		event.Link = kind.Link
	case *ordersv1.WatchResponse_SnapshotEnd:
		event.SnapshotEnd = true
	case *ordersv1.WatchResponse_Heartbeat:
		event.Heartbeat, event.Connected = true, kind.Heartbeat.Connected
	}
	return event
}
