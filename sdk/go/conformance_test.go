// The conformance list (sdk/conformance/README.md). Run by sdk/conformance/world.py.
package ibkrorders_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"ibkrorders"
	"ibkrorders/ordersv1"
)

type simulatedOrder struct {
	OrderID       int32  `json:"order_id"`
	OrderRef      string `json:"order_ref"`
	PlaceMessages int    `json:"place_messages"`
}

func tell(t *testing.T, answer interface{}, command string, arguments ...string) {
	t.Helper()
	query := url.Values{}
	for at := 0; at+1 < len(arguments); at += 2 {
		query.Set(arguments[at], arguments[at+1])
	}
	response, err := http.Post(os.Getenv("WORLD")+"/"+command+"?"+query.Encode(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", command, body)
	}
	if answer != nil {
		if err := json.Unmarshal(body, answer); err != nil {
			t.Fatal(err)
		}
	}
}

func ordersOf(t *testing.T, requestID string) (found []simulatedOrder) {
	var all []simulatedOrder
	tell(t, &all, "orders")
	for _, order := range all {
		if order.OrderRef == requestID {
			found = append(found, order)
		}
	}
	return found
}

// dial readies the world and connects to the server or the proxy.
func dial(t *testing.T, variable string) (*ibkrorders.Client, context.Context) {
	if os.Getenv("WORLD") == "" {
		t.Skip("run by sdk/conformance/world.py")
	}
	tell(t, nil, "lose", "answers", "0")
	tell(t, nil, "resume")
	tell(t, nil, "explicit")
	client, err := ibkrorders.Dial(os.Getenv(variable))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(func() { cancel(); client.Close() })
	return client, ctx
}

func limit() *ordersv1.Order {
	price := "200"
	return &ordersv1.Order{Action: ordersv1.Order_BUY, Symbol: "AAPL", OrderType: ordersv1.Order_LMT, Quantity: "10", LimitPrice: &price}
}

var transmit = ibkrorders.PlaceOptions{Transmit: true}

func place(t *testing.T, client *ibkrorders.Client, ctx context.Context, order *ordersv1.Order, options ibkrorders.PlaceOptions) *ordersv1.PlaceResponse {
	t.Helper()
	placed, err := client.Place(ctx, order, options)
	if err != nil {
		t.Fatal(err)
	}
	return placed
}

func reason(err error) string {
	var refused *ibkrorders.OrderError
	if errors.As(err, &refused) {
		return refused.Reason
	}
	return ""
}

func TestARefusedOrderSaysWhy(t *testing.T) {
	client, ctx := dial(t, "ORDERS_SERVER")
	bad := limit()
	bad.Quantity, bad.LimitPrice = "-1", nil
	_, err := client.Place(ctx, bad, transmit)
	var refused *ibkrorders.OrderError
	if !errors.As(err, &refused) || refused.Reason != "ORDER_INVALID" || len(refused.Violations) < 2 || !refused.OutcomeIsKnown() {
		t.Fatalf("%v", err)
	}
	unknown := limit()
	unknown.Symbol = "NOSUCHSYMBOL"
	placed := place(t, client, ctx, unknown, transmit)
	if placed.State.Status != ordersv1.OrderState_REJECTED || placed.State.GetLastErrorCode() != 200 {
		t.Fatal(placed)
	}
}

func TestAReplayedAnswerIsTheFirstOrder(t *testing.T) {
	client, ctx := dial(t, "ORDERS_SERVER")
	var seen string
	first := place(t, client, ctx, limit(), ibkrorders.PlaceOptions{Transmit: true, Request: ibkrorders.Request{OnRequestID: func(id string) { seen = id }}})
	options := ibkrorders.PlaceOptions{Transmit: true, Request: ibkrorders.Request{RequestID: first.RequestId}}
	again := place(t, client, ctx, limit(), options)
	if seen != first.RequestId || !again.Replayed || first.Replayed || again.OrderId != first.OrderId {
		t.Fatal(seen, first, again)
	}
	other := limit()
	other.Quantity = "11"
	if _, err := client.Place(ctx, other, options); reason(err) != "REQUEST_ID_REUSED" {
		t.Fatal(err)
	}
	if orders := ordersOf(t, first.RequestId); len(orders) != 1 {
		t.Fatal(orders)
	}
}

func TestALostAnswerIsAskedForAgainAndMakesNoSecondOrder(t *testing.T) {
	client, ctx := dial(t, "ORDERS_PROXY")
	var before, after int
	tell(t, &before, "lost")
	tell(t, nil, "lose", "answers", "1")
	placed := place(t, client, ctx, limit(), transmit)
	tell(t, &after, "lost")
	if orders := ordersOf(t, placed.RequestId); after != before+1 || !placed.Replayed || len(orders) != 1 || orders[0].PlaceMessages != 1 {
		t.Fatal(before, after, placed, orders)
	}
}

func TestAnUnknownOutcomeHasTheRequestIdThatFindsTheOrder(t *testing.T) {
	client, ctx := dial(t, "ORDERS_PROXY")
	tell(t, nil, "lose", "answers", "-1")
	short, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	_, err := client.Place(short, limit(), transmit)
	var unknown *ibkrorders.OutcomeUnknown
	if !errors.As(err, &unknown) {
		t.Fatal(err)
	}
	orders := ordersOf(t, unknown.RequestID)
	if len(orders) != 1 || orders[0].PlaceMessages != 1 {
		t.Fatal(orders)
	}
	direct, ctx := dial(t, "ORDERS_SERVER")
	got, err := direct.Get(ctx, ibkrorders.Reference{PlacedAs: unknown.RequestID})
	if err != nil || got.Order.OrderId != orders[0].OrderID {
		t.Fatal(got, err)
	}
}

// follow reads a watch until it ends or until says so, and answers its events. Each stored event must come once and in order.
func follow(t *testing.T, watch *ibkrorders.Watch, until func(*ibkrorders.Event) bool) (events []*ibkrorders.Event) {
	t.Helper()
	var last uint64
	for {
		event, err := watch.Next()
		if errors.Is(err, io.EOF) {
			return events
		} else if err != nil {
			t.Fatal(err)
		}
		if event.Order != nil || event.Fill != nil {
			if event.Sequence <= last {
				t.Fatalf("sequence %d after %d", event.Sequence, last)
			}
			last = event.Sequence
		}
		events = append(events, event)
		if until(event) {
			return events
		}
	}
}

func TestAWatchGoesOnAcrossAKilledGateway(t *testing.T) {
	client, ctx := dial(t, "ORDERS_SERVER")
	placed := place(t, client, ctx, limit(), transmit)
	id := strconv.Itoa(int(placed.OrderId))
	watch := client.Watch(ctx, ibkrorders.WatchOptions{OrderID: placed.OrderId})
	defer watch.Close()
	follow(t, watch, func(event *ibkrorders.Event) bool { return event.SnapshotEnd })
	tell(t, nil, "fill", "order_id", id, "quantity", "3", "price", "199")
	events := follow(t, watch, func(event *ibkrorders.Event) bool { return event.Fill != nil })
	tell(t, nil, "kill")
	tell(t, nil, "start")
	tell(t, nil, "fill", "order_id", id)
	events = append(events, follow(t, watch, func(*ibkrorders.Event) bool { return false })...)
	var fills []string
	status := ordersv1.OrderState_STATUS_UNSPECIFIED
	for _, event := range events {
		if event.Fill != nil {
			fills = append(fills, event.Fill.Quantity)
		}
		if event.Order != nil {
			status = event.Order.Status
		}
	}
	if len(fills) != 2 || fills[0] != "3" || fills[1] != "7" || status != ordersv1.OrderState_FILLED {
		t.Fatal(fills, status)
	}
}

func TestAWatchThatIsNotReadForAWhileMissesNothing(t *testing.T) {
	client, ctx := dial(t, "ORDERS_SERVER")
	tell(t, nil, "automatic")
	watch := client.Watch(ctx, ibkrorders.WatchOptions{})
	defer watch.Close()
	follow(t, watch, func(*ibkrorders.Event) bool { return true })
	missing := map[int32]bool{}
	for n := 0; n < 200; n++ {
		order := &ordersv1.Order{Action: ordersv1.Order_BUY, Symbol: "MSFT", OrderType: ordersv1.Order_MKT, Quantity: "1"}
		missing[place(t, client, ctx, order, transmit).OrderId] = true
	}
	fills := map[string]bool{}
	follow(t, watch, func(event *ibkrorders.Event) bool {
		if event.Fill != nil && missing[event.Fill.OrderId] {
			fills[event.Fill.ExecId] = true
		}
		if event.Order.GetStatus() == ordersv1.OrderState_FILLED {
			delete(missing, event.Order.OrderId)
		}
		return len(missing) == 0
	})
	if len(fills) < 200 {
		t.Fatalf("%d fills", len(fills))
	}
}

func TestWhileTheExchangeIsHaltedAnOrderWaits(t *testing.T) {
	client, ctx := dial(t, "ORDERS_SERVER")
	tell(t, nil, "halt")
	placed := place(t, client, ctx, limit(), transmit)
	if placed.State.Status != ordersv1.OrderState_PRE_SUBMITTED {
		t.Fatal(placed)
	}
	tell(t, nil, "resume")
	watch := client.Watch(ctx, ibkrorders.WatchOptions{OrderID: placed.OrderId})
	defer watch.Close()
	follow(t, watch, func(event *ibkrorders.Event) bool { return event.Order.GetStatus() == ordersv1.OrderState_SUBMITTED })
	cancelled, err := client.Cancel(ctx, ibkrorders.Reference{OrderID: placed.OrderId})
	if err != nil || cancelled.Status != ordersv1.OrderState_CANCELLED {
		t.Fatal(cancelled, err)
	}
}

func TestABracketIsPlacedOnceAndFollowedAsOne(t *testing.T) {
	proxy, ctx := dial(t, "ORDERS_PROXY")
	client, ctx := dial(t, "ORDERS_SERVER")
	wrong := ibkrorders.Bracket{Entry: limit(), StopLoss: &ordersv1.StopLoss{StopPrice: "210"}}
	_, err := client.PlaceBracket(ctx, wrong, ibkrorders.Request{})
	var refused *ibkrorders.OrderError
	if !errors.As(err, &refused) || refused.Reason != "ORDER_INVALID" || refused.Violations[0].Field != "stop_loss.stop_price" {
		t.Fatal(err)
	}
	tell(t, nil, "lose", "answers", "1")
	bracket := ibkrorders.Bracket{
		Entry: limit(), TakeProfit: &ordersv1.TakeProfit{LimitPrice: "220"}, StopLoss: &ordersv1.StopLoss{StopPrice: "190"},
	}
	placed, err := proxy.PlaceBracket(ctx, bracket, ibkrorders.Request{})
	if err != nil || !placed.Replayed || len(ordersOf(t, placed.RequestId)) != 1 {
		t.Fatal(placed, err)
	}
	entry, target := placed.Entry.OrderId, placed.TakeProfit.OrderId
	listed, err := client.List(ctx, &ordersv1.ListRequest{BracketId: entry})
	if err != nil || len(listed) != 3 {
		t.Fatal(listed, err)
	}
	tell(t, nil, "fill", "order_id", strconv.Itoa(int(entry)))
	watch := client.Watch(ctx, ibkrorders.WatchOptions{PlacedAs: placed.RequestId, WithFamily: true})
	defer watch.Close()
	ended := map[int32]bool{}
	follow(t, watch, func(event *ibkrorders.Event) bool {
		if event.Order.GetOrderId() == entry && event.Order.Status == ordersv1.OrderState_FILLED {
			if _, err := client.Cancel(ctx, ibkrorders.Reference{OrderID: target}); reason(err) != "ORDER_STATE" {
				t.Fatal(err)
			}
			if _, err := client.CancelWithSibling(ctx, ibkrorders.Reference{OrderID: target}); err != nil {
				t.Fatal(err)
			}
		}
		if event.Order.GetTerminal() {
			ended[event.Order.OrderId] = true
		}
		return false
	})
	got, err := client.Get(ctx, ibkrorders.Reference{OrderID: entry})
	if err != nil || len(ended) != 3 || len(got.Legs) != 2 || got.Legs[0].OrderId != target {
		t.Fatal(ended, got, err)
	}
}

func TestALostAnswerToAReplaceChangesTheOrderOnce(t *testing.T) {
	proxy, ctx := dial(t, "ORDERS_PROXY")
	client, ctx := dial(t, "ORDERS_SERVER")
	placed := place(t, client, ctx, limit(), transmit)
	order := ibkrorders.Reference{OrderID: placed.OrderId}
	tell(t, nil, "lose", "answers", "1")
	replaced, err := proxy.Replace(ctx, order, ibkrorders.Change{Quantity: "12", LimitPrice: "201.5", ExpectedRevision: 1}, ibkrorders.Request{})
	if err != nil || !replaced.Replayed || replaced.Order.Replacement.Status != ordersv1.Replacement_ACCEPTED {
		t.Fatal(replaced, err)
	}
	orders := ordersOf(t, placed.RequestId)
	if replaced.Order.Quantity != "12" || replaced.Order.GetLimitPrice() != "201.5" || len(orders) != 1 || orders[0].PlaceMessages != 2 {
		t.Fatal(replaced, orders)
	}
	change := ibkrorders.Change{TIF: ordersv1.Order_GTC, ExpectedRevision: 1}
	if _, err := client.Replace(ctx, order, change, ibkrorders.Request{}); reason(err) != "ORDER_CHANGED" {
		t.Fatal(err)
	}
	if _, err := client.Cancel(ctx, order); err != nil {
		t.Fatal(err)
	}
}

func TestAPreviewPlacesNothing(t *testing.T) {
	client, ctx := dial(t, "ORDERS_SERVER")
	var before, after []simulatedOrder
	tell(t, &before, "orders")
	previewed, err := client.Preview(ctx, limit())
	tell(t, &after, "orders")
	if err != nil || !previewed.Accepted || previewed.After.GetInitial() == "" || len(after) != len(before) {
		t.Fatal(previewed, err)
	}
}

func TestPositionsAndValuesFollowAFill(t *testing.T) {
	client, ctx := dial(t, "ORDERS_SERVER")
	held := func() (quantity string) {
		found, err := client.ListPositions(ctx, "")
		if err != nil || found.Stale {
			t.Fatal(found, err)
		}
		for _, position := range found.Positions {
			if position.Symbol == "IBM" {
				quantity = position.Quantity
			}
		}
		return quantity
	}
	before := held()
	order := limit()
	price := "300"
	order.Symbol, order.LimitPrice = "IBM", &price
	placed := place(t, client, ctx, order, transmit)
	watch := client.WatchAccount(ctx, "")
	defer watch.Close()
	for {
		update, err := watch.Next()
		if err != nil {
			t.Fatal(err)
		}
		if update.GetSnapshotEnd() != nil {
			tell(t, nil, "fill", "order_id", strconv.Itoa(int(placed.OrderId)))
		}
		if update.GetPosition().GetSymbol() == "IBM" && update.GetPosition().Quantity != before {
			break
		}
	}
	account, err := client.GetAccount(ctx, "")
	if err != nil || held() == before || account.Account == "" || len(account.Values) == 0 {
		t.Fatal(account, err)
	}
}

func TestHaltedNothingIsPlacedAndCancelAllLeavesNothingOpen(t *testing.T) {
	client, ctx := dial(t, "ORDERS_SERVER")
	placed := place(t, client, ctx, limit(), transmit)
	halted, err := client.Halt(ctx, &ordersv1.HaltRequest{Reason: "conformance"})
	if err != nil || halted.State != ordersv1.TradingState_CANCEL_ONLY || !halted.Persisted {
		t.Fatal(halted, err)
	}
	if _, err := client.Place(ctx, limit(), transmit); reason(err) != "HALTED" {
		t.Fatal(err)
	}
	limits, err := client.Limits(ctx)
	if err != nil || len(limits.Halts) != 1 || limits.Halts[0].Reason != "conformance" {
		t.Fatal(limits, err)
	}
	cancelled, err := client.CancelAll(ctx, &ordersv1.CancelAllRequest{})
	found := false
	for _, result := range cancelled.GetResults() {
		found = found || result.OrderId == placed.OrderId && result.Status == ordersv1.OrderState_CANCELLED
	}
	if err != nil || !found {
		t.Fatal(cancelled, err)
	}
	resumed, err := client.Resume(ctx, &ordersv1.ResumeRequest{})
	if err != nil || resumed.State != ordersv1.TradingState_ACTIVE {
		t.Fatal(resumed, err)
	}
}
