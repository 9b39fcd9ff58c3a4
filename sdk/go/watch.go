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

// Watch shows what happens, each event once, across the streams it needs. Not safe for several goroutines.
type Watch struct {
	client  *Client
	ctx     context.Context
	cancel  context.CancelFunc
	options WatchOptions
	stream  ordersv1.OrderService_WatchClient
	end     context.CancelFunc
	attempt int
	heardAt time.Time
	execIDs map[string]bool
	execLog []string
}

// Watch begins a watch. It ends with its order, with the context, or with Close.
func (c *Client) Watch(ctx context.Context, options WatchOptions) *Watch {
	if options.Heartbeat == 0 {
		options.Heartbeat = time.Second
	}
	if options.OutageMax == 0 {
		options.OutageMax = time.Minute
	}
	ctx, cancel := context.WithCancel(ctx)
	return &Watch{client: c, ctx: ctx, cancel: cancel, options: options, heardAt: time.Now(), execIDs: map[string]bool{}}
}

// Close ends the watch.
func (w *Watch) Close() { w.cancel() }

// Next waits for the next event. It answers io.EOF when the order has ended, and an *OrderError when the watch cannot go on.
func (w *Watch) Next() (*Event, error) {
	for {
		event, err := w.receive()
		if err == nil {
			w.attempt, w.heardAt = 0, time.Now()
			if shown := w.take(event); shown != nil {
				return shown, nil
			}
			continue
		}
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
		wait := pause(w.attempt, failed)
		if !resumable[failed.Reason] || time.Since(w.heardAt)+wait > w.options.OutageMax {
			return nil, failed
		}
		w.client.elsewhere(failed.Metadata["leader"])
		if err := sleep(w.ctx, wait); err != nil {
			return nil, err
		}
	}
}

func (w *Watch) receive() (*ordersv1.WatchResponse, error) {
	if w.stream == nil {
		w.attempt++
		ctx, end := context.WithCancel(w.client.authorized(w.ctx))
		w.end = end
		request := &ordersv1.WatchRequest{
			Order: &ordersv1.WatchRequest_OrderId{OrderId: w.options.OrderID}, AfterSequence: w.options.AfterSequence,
			PollInterval: durationpb.New(w.options.Heartbeat),
		}
		if w.options.PlacedAs != "" {
			request.Order = &ordersv1.WatchRequest_PlacedAs{PlacedAs: w.options.PlacedAs}
		}
		stream, err := ordersv1.NewOrderServiceClient(w.client.current().watches).Watch(ctx, request)
		if err != nil {
			return nil, err
		}
		w.stream = stream
	}
	return w.stream.Recv()
}

func (w *Watch) drop() {
	if w.end != nil {
		w.end()
	}
	w.stream, w.end = nil, nil
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
