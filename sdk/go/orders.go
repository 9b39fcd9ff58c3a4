package ibkrorders

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"ibkrorders/ordersv1"
)

// Health says whether orders can be placed now, and why not.
func (c *Client) Health(ctx context.Context) (answer *ordersv1.HealthResponse, err error) {
	err = c.repeat(ctx, &attempts{timeout: defaultTimeout}, func(ctx context.Context, at services) (err error) {
		answer, err = at.orders.Health(ctx, &ordersv1.HealthRequest{})
		return err
	})
	return answer, err
}

// Request is what calls that make or change something have in common.
type Request struct {
	// DryRun checks, and answers what would be sent. Nothing is stored or sent.
	DryRun bool
	// RequestID names the request for good: the same id never does the same twice. Empty: a new one.
	RequestID string
	// OnRequestID is called with the request id before the first byte leaves, so that it can be kept.
	OnRequestID func(requestID string)
	// Timeout is how long the gateway waits for TWS. 0: 5 s.
	Timeout time.Duration
}

// named fills in what was left out, and shows the request id.
func (r *Request) named() error {
	if r.RequestID == "" {
		var err error
		if r.RequestID, err = newRequestID(); err != nil {
			return err
		}
	}
	if r.Timeout == 0 {
		r.Timeout = defaultTimeout
	}
	if r.OnRequestID != nil {
		r.OnRequestID(r.RequestID)
	}
	return nil
}

func newRequestID() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// PlaceOptions say how an order is placed.
type PlaceOptions struct {
	Request
	// Transmit sends the order on at once; without it the order is staged in TWS.
	Transmit bool
}

// Place places an order, once, and answers with the first thing TWS says about it. An attempt whose answer got lost is repeated under
// the same request id until the context's deadline (15 s where it has none).
//
// The error is an *OrderError where the order was refused and nothing was sent, an *OutcomeUnknown where the time is up and bytes may have
// left.
func (c *Client) Place(ctx context.Context, order *ordersv1.Order, options PlaceOptions) (answer *ordersv1.PlaceResponse, err error) {
	if err := options.named(); err != nil {
		return nil, err
	}
	request := &ordersv1.PlaceRequest{
		Order: order, Transmit: options.Transmit, DryRun: options.DryRun, RequestId: options.RequestID, Timeout: durationpb.New(options.Timeout),
	}
	err = c.repeat(ctx, &attempts{timeout: options.Timeout, requestID: options.RequestID}, func(ctx context.Context, at services) (err error) {
		answer, err = at.orders.Place(ctx, request)
		return err
	})
	return answer, err
}

// Bracket is an entry with a take profit, a stop loss or both.
type Bracket struct {
	Entry      *ordersv1.Order
	TakeProfit *ordersv1.TakeProfit
	StopLoss   *ordersv1.StopLoss
}

// PlaceBracket places an entry with its exits, all of them or none, once. Always transmitted. The entry's order id in the answer is the bracket
// id of all of them. Errors are as for Place.
func (c *Client) PlaceBracket(ctx context.Context, bracket Bracket, options Request) (answer *ordersv1.PlaceBracketResponse, err error) {
	if err := options.named(); err != nil {
		return nil, err
	}
	request := &ordersv1.PlaceBracketRequest{
		Entry: bracket.Entry, TakeProfit: bracket.TakeProfit, StopLoss: bracket.StopLoss, DryRun: options.DryRun, RequestId: options.RequestID,
		Timeout: durationpb.New(options.Timeout),
	}
	err = c.repeat(ctx, &attempts{timeout: options.Timeout, requestID: options.RequestID}, func(ctx context.Context, at services) (err error) {
		answer, err = at.orders.PlaceBracket(ctx, request)
		return err
	})
	return answer, err
}

// Change is other terms for an order. What is empty or unspecified stays as TWS last showed it.
type Change struct {
	Quantity, LimitPrice, StopPrice, TrailAmount, TrailPercent, LimitOffset string
	TIF                                                                     ordersv1.Order_TimeInForce
	// ExpectedRevision leaves an order alone whose terms_revision is another: an *OrderError with the reason ORDER_CHANGED. 0: any.
	ExpectedRevision uint32
}

// Replace changes the terms of an order that TWS has; it never makes a new one. The answer's Order.Replacement says what became of it. Errors are
// as for Place.
func (c *Client) Replace(ctx context.Context, order Reference, change Change, options Request) (answer *ordersv1.ReplaceResponse, err error) {
	if err := options.named(); err != nil {
		return nil, err
	}
	request := &ordersv1.ReplaceRequest{
		Quantity: given(change.Quantity), LimitPrice: given(change.LimitPrice), StopPrice: given(change.StopPrice),
		TrailAmount: given(change.TrailAmount), TrailPercent: given(change.TrailPercent), LimitOffset: given(change.LimitOffset),
		DryRun: options.DryRun, RequestId: options.RequestID, Timeout: durationpb.New(options.Timeout),
		Order: &ordersv1.ReplaceRequest_OrderId{OrderId: order.OrderID},
	}
	if order.PlacedAs != "" {
		request.Order = &ordersv1.ReplaceRequest_PlacedAs{PlacedAs: order.PlacedAs}
	}
	if change.TIF != ordersv1.Order_TIME_IN_FORCE_UNSPECIFIED {
		request.Tif = &change.TIF
	}
	if change.ExpectedRevision != 0 {
		request.ExpectedRevision = &change.ExpectedRevision
	}
	err = c.repeat(ctx, &attempts{timeout: options.Timeout, requestID: options.RequestID}, func(ctx context.Context, at services) (err error) {
		answer, err = at.orders.Replace(ctx, request)
		return err
	})
	return answer, err
}

func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Preview says what TWS would make of an order, with nothing placed. IB asks for about one a minute, so an attempt whose answer got lost is not
// made again.
func (c *Client) Preview(ctx context.Context, order *ordersv1.Order) (answer *ordersv1.PreviewResponse, err error) {
	request := &ordersv1.PreviewRequest{Order: order, Timeout: durationpb.New(defaultTimeout)}
	err = c.repeat(ctx, &attempts{timeout: defaultTimeout, once: true}, func(ctx context.Context, at services) (err error) {
		answer, err = at.orders.Preview(ctx, request)
		return err
	})
	return answer, err
}

// Reference names an order: by its id, or by the request id it was placed under.
type Reference struct {
	OrderID  int32
	PlacedAs string
}

// Get answers one order and all its fills, as stored; of a bracket's entry its exits too, as Legs.
func (c *Client) Get(ctx context.Context, order Reference) (whole *ordersv1.GetResponse, err error) {
	request := &ordersv1.GetRequest{Order: &ordersv1.GetRequest_OrderId{OrderId: order.OrderID}}
	if order.PlacedAs != "" {
		request.Order = &ordersv1.GetRequest_PlacedAs{PlacedAs: order.PlacedAs}
	}
	for {
		var page *ordersv1.GetResponse
		err = c.repeat(ctx, &attempts{timeout: defaultTimeout}, func(ctx context.Context, at services) (err error) {
			page, err = at.orders.Get(ctx, request)
			return err
		})
		if err != nil {
			return nil, err
		}
		if whole == nil {
			whole = page
		} else {
			whole.Fills = append(whole.Fills, page.Fills...)
		}
		request.PageToken, whole.NextPageToken = page.NextPageToken, ""
		if request.PageToken == "" {
			return whole, nil
		}
	}
}

// List answers every stored order that the request asks for, newest first, in as many calls as they take.
func (c *Client) List(ctx context.Context, request *ordersv1.ListRequest) (orders []*ordersv1.OrderState, err error) {
	page := ordersv1.ListRequest{
		Statuses: request.Statuses, Symbol: request.Symbol, BracketId: request.BracketId, PageSize: request.PageSize, PageToken: request.PageToken,
	}
	for {
		var answer *ordersv1.ListResponse
		err = c.repeat(ctx, &attempts{timeout: defaultTimeout}, func(ctx context.Context, at services) (err error) {
			answer, err = at.orders.List(ctx, &page)
			return err
		})
		if err != nil {
			return nil, err
		}
		orders = append(orders, answer.Orders...)
		page.PageToken = answer.NextPageToken
		if page.PageToken == "" {
			return orders, nil
		}
	}
}

// Cancel cancels an order and answers with TWS's verdict, or with the state as it is after 5 s. Safe to repeat.
func (c *Client) Cancel(ctx context.Context, order Reference) (*ordersv1.OrderState, error) {
	return c.cancel(ctx, order, false)
}

// CancelWithSibling is Cancel also for an exit of a bracket whose other exit works: TWS ends both.
func (c *Client) CancelWithSibling(ctx context.Context, order Reference) (*ordersv1.OrderState, error) {
	return c.cancel(ctx, order, true)
}

func (c *Client) cancel(ctx context.Context, order Reference, withSibling bool) (*ordersv1.OrderState, error) {
	request := &ordersv1.CancelRequest{
		Order: &ordersv1.CancelRequest_OrderId{OrderId: order.OrderID}, Timeout: durationpb.New(defaultTimeout), WithSibling: withSibling,
	}
	if order.PlacedAs != "" {
		request.Order = &ordersv1.CancelRequest_PlacedAs{PlacedAs: order.PlacedAs}
	}
	var answer *ordersv1.CancelResponse
	err := c.repeat(ctx, &attempts{timeout: defaultTimeout}, func(ctx context.Context, at services) (err error) {
		answer, err = at.orders.Cancel(ctx, request)
		return err
	})
	return answer.GetOrder(), err
}

// Transmit releases a staged order. Safe to repeat.
func (c *Client) Transmit(ctx context.Context, order Reference) (*ordersv1.OrderState, error) {
	request := &ordersv1.TransmitRequest{Order: &ordersv1.TransmitRequest_OrderId{OrderId: order.OrderID}, Timeout: durationpb.New(defaultTimeout)}
	if order.PlacedAs != "" {
		request.Order = &ordersv1.TransmitRequest_PlacedAs{PlacedAs: order.PlacedAs}
	}
	var answer *ordersv1.TransmitResponse
	err := c.repeat(ctx, &attempts{timeout: defaultTimeout}, func(ctx context.Context, at services) (err error) {
		answer, err = at.orders.Transmit(ctx, request)
		return err
	})
	return answer.GetOrder(), err
}
