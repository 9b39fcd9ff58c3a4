// Places BUY 1 AAPL MKT through an ibkr-orders gateway and watches it to its end. See README.md for the commands.
//
// ORDERS_SERVER (default http://127.0.0.1:50051) names the gateway, ORDERS_SERVER_CA a PEM file with the authority of an
// https:// one, ORDERS_TOKEN a bearer token.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "placeandwatch/gen/ordersv1"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
}

func run() error {
	channel, err := connect()
	if err != nil {
		return err
	}
	defer channel.Close()
	// Streams that nobody reads block other calls of their connection: a watch gets a connection of its own.
	watchChannel, err := connect()
	if err != nil {
		return err
	}
	defer watchChannel.Close()
	orders, watches := pb.NewOrderServiceClient(channel), pb.NewOrderServiceClient(watchChannel)

	ctx, cancel := context.WithTimeout(authorized(), 120*time.Second)
	defer cancel()

	health, err := orders.Health(ctx, &pb.HealthRequest{})
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	fmt.Printf("health: gateway %s, connected %t, accounts %s\n", health.Version, health.Connected, strings.Join(health.Accounts, " "))
	if !health.Connected {
		return fmt.Errorf("the gateway cannot place orders: %s", health.GetError())
	}

	bad := &pb.Order{Action: pb.Order_BUY, Symbol: "AAPL", OrderType: pb.Order_LMT, Quantity: "-1"}
	checked, err := orders.Validate(ctx, &pb.ValidateRequest{Order: bad})
	if err != nil {
		return fmt.Errorf("validate: %w", err)
	}
	if checked.Valid {
		return errors.New("an order without limit and with a negative quantity passed")
	}
	for _, violation := range checked.Errors {
		fmt.Printf("validate: %s: %s (%s)\n", strings.Join(violation.Loc, "."), violation.Msg, violation.Type)
	}
	_, err = orders.Place(ctx, &pb.PlaceRequest{Order: bad})
	if explain("place", err) != "ORDER_INVALID" {
		return errors.New("the invalid order was not refused as ORDER_INVALID")
	}

	var unique [16]byte
	if _, err := rand.Read(unique[:]); err != nil {
		return err
	}
	request := &pb.PlaceRequest{
		Order:     &pb.Order{Action: pb.Order_BUY, Symbol: "AAPL", OrderType: pb.Order_MKT, Quantity: "1"},
		Transmit:  true,
		RequestId: fmt.Sprintf("go-%x", unique),
	}
	placed, err := place(ctx, orders, request)
	if err != nil {
		return fmt.Errorf("place: %w", err)
	}
	fmt.Printf("place: order %d is %s, request %s\n", placed.OrderId, placed.State.GetStatus(), placed.RequestId)
	again, err := place(ctx, orders, request)
	if err != nil {
		return fmt.Errorf("place again: %w", err)
	}
	if !again.Replayed || again.OrderId != placed.OrderId {
		return errors.New("the same request made a second order")
	}
	fmt.Printf("place again: still order %d\n", again.OrderId)

	end, err := watch(ctx, watches, placed.State)
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	if end.GetStatus() != pb.OrderState_FILLED {
		return fmt.Errorf("the order ended %s: %s", end.GetStatus(), end.GetLastError())
	}

	other := proto.Clone(request).(*pb.PlaceRequest)
	other.Order.Quantity = "2"
	_, err = place(ctx, orders, other)
	if explain("place other order", err) != "REQUEST_ID_REUSED" {
		return errors.New("a request id was taken for another order")
	}

	got, err := orders.Get(ctx, &pb.GetRequest{Order: &pb.GetRequest_PlacedAs{PlacedAs: request.RequestId}})
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	fmt.Printf("done: order %d %s at %s, %d fill(s), commission %s\n", got.Order.OrderId, got.Order.Status,
		got.Order.GetAvgFillPrice(), len(got.Fills), got.Order.GetCommission())
	return nil
}

func connect() (*grpc.ClientConn, error) {
	server := os.Getenv("ORDERS_SERVER")
	if server == "" {
		server = "http://127.0.0.1:50051"
	}
	if !strings.HasPrefix(server, "https://") {
		return grpc.Dial(strings.TrimPrefix(server, "http://"), grpc.WithInsecure())
	}
	roots := credentials.NewTLS(nil) // the system's authorities
	if file := os.Getenv("ORDERS_SERVER_CA"); file != "" {
		var err error
		if roots, err = credentials.NewClientTLSFromFile(file, ""); err != nil {
			return nil, err
		}
	}
	return grpc.Dial(strings.TrimPrefix(server, "https://"), grpc.WithTransportCredentials(roots))
}

func authorized() context.Context {
	ctx := context.Background()
	if token := os.Getenv("ORDERS_TOKEN"); token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	return ctx
}

// reasonOf answers the gateway's reason, and nothing for a status that no gateway made. A proxy or a gRPC library promises nothing,
// whatever its code says.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.Domain == "ibkr.orders.v1" {
			return info.Reason
		}
	}
	return ""
}

// place repeats a Place whose outcome is not known, or that the gateway could not take now. That is safe because, and only because, it
// has a request id: the same request never makes a second order.
func place(ctx context.Context, orders pb.OrderServiceClient, request *pb.PlaceRequest) (*pb.PlaceResponse, error) {
	if request.RequestId == "" {
		return nil, errors.New("a place that may be repeated needs a request id")
	}
	for attempt := 1; ; attempt++ {
		once, cancel := context.WithTimeout(ctx, 10*time.Second)
		response, err := orders.Place(once, request)
		cancel()
		reason := reasonOf(err)
		unknown := reason == "" || reason == "INTERNAL" || status.Code(err) == codes.Unavailable
		if err == nil || attempt == 5 || !unknown {
			return response, err
		}
		time.Sleep(200 * time.Millisecond << attempt)
	}
}

// watch follows an order from what Place answered to its end. A stream that breaks is opened again after the last
// sequence seen, so each event shows once. The first stream is broken here on purpose.
func watch(ctx context.Context, orders pb.OrderServiceClient, placed *pb.OrderState) (*pb.OrderState, error) {
	request := &pb.WatchRequest{Order: &pb.WatchRequest_OrderId{OrderId: placed.GetOrderId()}, AfterSequence: placed.GetSequence(), MaxWait: durationpb.New(60 * time.Second)}
	last := placed
	for attempt := 1; attempt <= 5; attempt++ {
		err := follow(ctx, orders, request, func(response *pb.WatchResponse) bool {
			request.AfterSequence = response.Sequence
			if order := response.GetOrder(); order != nil {
				last = order
			}
			fmt.Println("watch:", describe(response))
			if attempt == 1 {
				fmt.Println("watch: breaking the stream, to go on after", response.Sequence)
			}
			return attempt > 1
		})
		if err == io.EOF {
			return last, nil // the server ended it: the order has ended
		}
		if reasonOf(err) != "" && status.Code(err) != codes.Unavailable {
			return nil, err
		}
		time.Sleep(time.Duration(attempt) * 100 * time.Millisecond)
	}
	return nil, fmt.Errorf("the watch of order %d broke five times", placed.GetOrderId())
}

// follow reads one stream until it ends, or until show says no more, and answers why: io.EOF when the server ended it.
func follow(ctx context.Context, orders pb.OrderServiceClient, request *pb.WatchRequest, show func(*pb.WatchResponse) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := orders.Watch(ctx, request)
	if err != nil {
		return err
	}
	for {
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		if !show(response) {
			return status.Error(codes.Canceled, "left by this program")
		}
	}
}

func describe(response *pb.WatchResponse) string {
	switch event := response.Event.(type) {
	case *pb.WatchResponse_Order:
		return fmt.Sprintf("%d %s, filled %s of %s", response.Sequence, event.Order.Status, event.Order.Filled, event.Order.Quantity)
	case *pb.WatchResponse_Fill:
		return fmt.Sprintf("%d fill of %s at %s", response.Sequence, event.Fill.Quantity, event.Fill.Price)
	case *pb.WatchResponse_Link:
		return fmt.Sprintf("%d link: %s", response.Sequence, event.Link.Text)
	case *pb.WatchResponse_SnapshotEnd:
		return fmt.Sprintf("%d snapshot_end", response.Sequence)
	case *pb.WatchResponse_Heartbeat:
		return fmt.Sprintf("%d heartbeat", response.Sequence)
	default:
		return fmt.Sprintf("%d an event newer than this program", response.Sequence)
	}
}

// explain says what a refused call carried, and answers its reason.
func explain(what string, err error) string {
	refused := status.Convert(err)
	info := &errdetails.ErrorInfo{}
	violations := &errdetails.BadRequest{}
	for _, detail := range refused.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			info = detail
		case *errdetails.BadRequest:
			violations = detail
		}
	}
	fmt.Printf("%s: %s %s: %s\n", what, refused.Code(), info.Reason, refused.Message())
	for _, violation := range violations.FieldViolations {
		fmt.Printf("  %s: %s\n", violation.Field, violation.Description)
	}
	return info.Reason
}
