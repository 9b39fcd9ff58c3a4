package ibkrorders

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
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

// services are those of the gateway that is asked.
type services struct {
	orders   ordersv1.OrderServiceClient
	accounts ordersv1.AccountServiceClient
	risk     ordersv1.RiskServiceClient
}

func servicesOf(connection *grpc.ClientConn) services {
	return services{ordersv1.NewOrderServiceClient(connection), ordersv1.NewAccountServiceClient(connection), ordersv1.NewRiskServiceClient(connection)}
}

// repeat makes a call, again where that is safe and helps, until the context's deadline (15 s where it has none).
func (c *Client) repeat(ctx context.Context, tries *attempts, call func(context.Context, services) error) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultDeadline)
		defer cancel()
	}
	for {
		attempt, cancel := tries.callContext(ctx)
		err := call(c.authorized(attempt), servicesOf(c.current().calls))
		cancel()
		if err == nil {
			return nil
		}
		if ended := tries.after(ctx, orderError(err), c.elsewhere); ended != nil {
			return ended
		}
	}
}
