package ibkrorders

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"

	"ibkrorders/ordersv1"
)

const (
	defaultDeadline = 15 * time.Second
	defaultTimeout  = 5 * time.Second
)

// Client calls a gateway, or the first of several that answers. Safe to use from many goroutines.
type Client struct {
	token string
	ends  []endpoint
	mutex sync.Mutex
	at    int
}

// endpoint has a connection for calls and one for watches: a stream that nobody reads would hold up other calls of its connection.
type endpoint struct {
	address        string
	calls, watches *grpc.ClientConn
}

// Options say how gateways are reached and what a caller shows them.
type Options struct {
	// Token is a bearer token.
	Token string
	// TLS is used for https addresses. Nil: the system's authorities.
	TLS credentials.TransportCredentials
}

// Dial makes a client of one gateway or of several, http://HOST:PORT or https://HOST:PORT. It connects with the first call.
func Dial(addresses ...string) (*Client, error) { return DialWith(Options{}, addresses...) }

// DialWith is Dial with options.
func DialWith(options Options, addresses ...string) (*Client, error) {
	if len(addresses) == 0 {
		addresses = []string{"http://127.0.0.1:50051"}
	}
	client := &Client{token: options.Token}
	for _, address := range addresses {
		where, err := url.Parse(address)
		if err != nil || (where.Scheme != "http" && where.Scheme != "https") || where.Port() == "" || (where.Path != "" && where.Path != "/") {
			return nil, fmt.Errorf("%q is not an address: write http://HOST:PORT or https://HOST:PORT", address)
		}
		security := grpc.WithInsecure()
		if where.Scheme == "https" {
			transport := options.TLS
			if transport == nil {
				transport = credentials.NewTLS(nil)
			}
			security = grpc.WithTransportCredentials(transport)
		} else if options.Token != "" && !loopback(where.Hostname()) {
			return nil, fmt.Errorf("a token goes out over https:// or to loopback only: anybody on the way to %s could read it", address)
		}
		end := endpoint{address: where.Host}
		for _, connection := range []**grpc.ClientConn{&end.calls, &end.watches} {
			*connection, err = grpc.Dial(where.Host, security, grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}))
			if err != nil {
				return nil, err
			}
		}
		client.ends = append(client.ends, end)
	}
	return client, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Close ends calls and watches that are open, and closes the connections.
func (c *Client) Close() {
	for _, end := range c.ends {
		end.calls.Close()
		end.watches.Close()
	}
}

func (c *Client) current() endpoint {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.ends[c.at]
}

// elsewhere moves to the leader that a standby named, where it is one of ours; else to the next.
func (c *Client) elsewhere(leader string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for at, end := range c.ends {
		if leader != "" && (end.address == leader || "http://"+end.address == leader || "https://"+end.address == leader) {
			c.at = at
			return
		}
	}
	c.at = (c.at + 1) % len(c.ends)
}

func (c *Client) authorized(ctx context.Context) context.Context {
	if c.token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.token)
}

// repeat makes a call, again where that is safe and helps, until the context's deadline (15 s where it has none).
func (c *Client) repeat(ctx context.Context, tries *attempts, call func(context.Context, ordersv1.OrderServiceClient) error) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultDeadline)
		defer cancel()
	}
	for {
		attempt, cancel := tries.callContext(ctx)
		err := call(c.authorized(attempt), ordersv1.NewOrderServiceClient(c.current().calls))
		cancel()
		if err == nil {
			return nil
		}
		if ended := tries.after(ctx, orderError(err), c.elsewhere); ended != nil {
			return ended
		}
	}
}

// Health says whether orders can be placed now, and why not.
func (c *Client) Health(ctx context.Context) (answer *ordersv1.HealthResponse, err error) {
	err = c.repeat(ctx, &attempts{timeout: defaultTimeout}, func(ctx context.Context, orders ordersv1.OrderServiceClient) (err error) {
		answer, err = orders.Health(ctx, &ordersv1.HealthRequest{})
		return err
	})
	return answer, err
}

// PlaceOptions say how an order is placed.
type PlaceOptions struct {
	// Transmit sends the order on at once; without it the order is staged in TWS.
	Transmit bool
	DryRun   bool
	// RequestID names the request for good: the same id never makes a second order. Empty: a new one.
	RequestID string
	// OnRequestID is called with the request id before the first byte leaves, so that it can be kept.
	OnRequestID func(requestID string)
	// Timeout is how long the gateway waits for TWS. 0: 5 s.
	Timeout time.Duration
}

// Place places an order, once, and answers with the first thing TWS says about it. An attempt whose answer got lost is repeated under
// the same request id until the context's deadline (15 s where it has none).
//
// The error is an *OrderError where the order was refused and nothing was sent, an *OutcomeUnknown where the time is up and bytes may have
// left.
func (c *Client) Place(ctx context.Context, order *ordersv1.Order, options PlaceOptions) (answer *ordersv1.PlaceResponse, err error) {
	if options.RequestID == "" {
		if options.RequestID, err = newRequestID(); err != nil {
			return nil, err
		}
	}
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	if options.OnRequestID != nil {
		options.OnRequestID(options.RequestID)
	}
	request := &ordersv1.PlaceRequest{
		Order: order, Transmit: options.Transmit, DryRun: options.DryRun, RequestId: options.RequestID, Timeout: durationpb.New(options.Timeout),
	}
	err = c.repeat(ctx, &attempts{timeout: options.Timeout, requestID: options.RequestID}, func(ctx context.Context, orders ordersv1.OrderServiceClient) (err error) {
		answer, err = orders.Place(ctx, request)
		return err
	})
	return answer, err
}

func newRequestID() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// Reference names an order: by its id, or by the request id it was placed under.
type Reference struct {
	OrderID  int32
	PlacedAs string
}

// Get answers one order and all its fills, as stored.
func (c *Client) Get(ctx context.Context, order Reference) (whole *ordersv1.GetResponse, err error) {
	request := &ordersv1.GetRequest{Order: &ordersv1.GetRequest_OrderId{OrderId: order.OrderID}}
	if order.PlacedAs != "" {
		request.Order = &ordersv1.GetRequest_PlacedAs{PlacedAs: order.PlacedAs}
	}
	for {
		var page *ordersv1.GetResponse
		err = c.repeat(ctx, &attempts{timeout: defaultTimeout}, func(ctx context.Context, orders ordersv1.OrderServiceClient) (err error) {
			page, err = orders.Get(ctx, request)
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

// Cancel cancels an order and answers with TWS's verdict, or with the state as it is after 5 s. Safe to repeat.
func (c *Client) Cancel(ctx context.Context, order Reference) (*ordersv1.OrderState, error) {
	request := &ordersv1.CancelRequest{Order: &ordersv1.CancelRequest_OrderId{OrderId: order.OrderID}, Timeout: durationpb.New(defaultTimeout)}
	if order.PlacedAs != "" {
		request.Order = &ordersv1.CancelRequest_PlacedAs{PlacedAs: order.PlacedAs}
	}
	var answer *ordersv1.CancelResponse
	err := c.repeat(ctx, &attempts{timeout: defaultTimeout}, func(ctx context.Context, orders ordersv1.OrderServiceClient) (err error) {
		answer, err = orders.Cancel(ctx, request)
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
	err := c.repeat(ctx, &attempts{timeout: defaultTimeout}, func(ctx context.Context, orders ordersv1.OrderServiceClient) (err error) {
		answer, err = orders.Transmit(ctx, request)
		return err
	})
	return answer.GetOrder(), err
}
