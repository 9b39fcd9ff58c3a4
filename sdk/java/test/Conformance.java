import ibkr.orders.client.AccountWatch;
import ibkr.orders.client.Client;
import ibkr.orders.client.Event;
import ibkr.orders.client.OrderError;
import ibkr.orders.client.OutcomeUnknown;
import ibkr.orders.client.Violation;
import ibkr.orders.client.Watch;
import ibkr.orders.v1.CancelAllRequest;
import ibkr.orders.v1.CancelRequest;
import ibkr.orders.v1.HaltRequest;
import ibkr.orders.v1.ListRequest;
import ibkr.orders.v1.Order;
import ibkr.orders.v1.OrderState;
import ibkr.orders.v1.PlaceBracketRequest;
import ibkr.orders.v1.PlaceBracketResponse;
import ibkr.orders.v1.PlaceResponse;
import ibkr.orders.v1.ReplaceRequest;
import ibkr.orders.v1.ReplaceResponse;
import ibkr.orders.v1.Replacement;
import ibkr.orders.v1.ResumeRequest;
import ibkr.orders.v1.StopLoss;
import ibkr.orders.v1.TakeProfit;
import ibkr.orders.v1.TradingState;
import ibkr.orders.v1.WatchRequest;
import ibkr.orders.v1.WatchResponse.EventCase;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/** The conformance list (sdk/conformance/README.md). Run by sdk/conformance/world.py. */
final class Conformance {
  private static final Duration MINUTE = Duration.ofMinutes(1);
  private static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private static int passed;

  private interface Test {
    void run(Client server, Client proxy) throws Exception;
  }

  public static void main(String[] arguments) throws Exception {
    test("a refused order says why", Conformance::refused);
    test("a replayed answer is the first order", Conformance::replayed);
    test("a lost answer is asked for again and makes no second order", Conformance::lost);
    test("an unknown outcome has the request id that finds the order", Conformance::unknown);
    test("a watch goes on across a killed gateway", Conformance::killed);
    test("a watch that is not read for a while misses nothing", Conformance::lagging);
    test("while the exchange is halted an order waits", Conformance::halted);
    test("a bracket is placed once and followed as one", Conformance::bracket);
    test("a lost answer to a replace changes the order once", Conformance::replaced);
    test("a preview places nothing", Conformance::preview);
    test("positions and values follow a fill", Conformance::positions);
    test("halted nothing is placed, and cancelAll leaves nothing open", Conformance::stopped);
    System.out.println(passed + " passed, 0 failed");
  }

  private static void test(String name, Test test) throws Exception {
    tell("lose?answers=0");
    tell("resume");
    tell("explicit");
    try (Client server = new Client(System.getenv("ORDERS_SERVER")); Client proxy = new Client(System.getenv("ORDERS_PROXY"))) {
      test.run(server, proxy);
    }
    passed++;
    System.out.println("ok: " + name);
  }

  private static String tell(String command) throws Exception {
    var request = HttpRequest.newBuilder(URI.create(System.getenv("WORLD") + "/" + command)).POST(HttpRequest.BodyPublishers.noBody()).build();
    var answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
    expect(answer.statusCode() == 200, command + ": " + answer.body());
    return answer.body();
  }

  /** Ids of the orders that reached the exchange under a request id, for each of which one placeOrder message must have come. */
  private static List<Integer> ordersOf(String requestId) throws Exception {
    return ordersOf(requestId, 1);
  }

  private static List<Integer> ordersOf(String requestId, int placeMessages) throws Exception {
    List<Integer> found = new ArrayList<>();
    var orders = Pattern.compile("\\{[^}]*\"order_id\": (\\d+)[^}]*\"order_ref\": \"" + requestId + "\"[^}]*\"place_messages\": (\\d+)[^}]*\\}").matcher(tell("orders"));
    while (orders.find()) {
      expect(Integer.parseInt(orders.group(2)) == placeMessages, "an order was sent " + orders.group(2) + " times");
      found.add(Integer.valueOf(orders.group(1)));
    }
    return found;
  }

  private static Order.Builder limit() {
    return Order.newBuilder().setAction(Order.Action.BUY).setSymbol("AAPL").setOrderType(Order.OrderType.LMT).setQuantity("10").setLimitPrice("200");
  }

  private static PlaceResponse place(Client client, Order.Builder order, String requestId) {
    return client.place(order.build(), true, requestId, Duration.ofSeconds(15));
  }

  private static String id() {
    return UUID.randomUUID().toString();
  }

  private static void refused(Client server, Client proxy) throws Exception {
    OrderError error = failing(OrderError.class, () -> place(server, limit().setQuantity("-1").clearLimitPrice(), id()));
    var fields = error.violations().stream().map(Violation::field).toList();
    expect(error.reason().equals("ORDER_INVALID") && error.outcomeIsKnown() && fields.containsAll(List.of("quantity", "limit_price")), error);
    OrderState state = place(server, limit().setSymbol("NOSUCHSYMBOL"), id()).getState();
    expect(state.getStatus() == OrderState.Status.REJECTED && state.getLastErrorCode() == 200, state);
  }

  private static void replayed(Client server, Client proxy) throws Exception {
    List<String> seen = new ArrayList<>();
    PlaceResponse first = server.place(limit().build(), seen::add);
    PlaceResponse again = place(server, limit(), first.getRequestId());
    expect(seen.equals(List.of(first.getRequestId())) && again.getReplayed() && !first.getReplayed() && again.getOrderId() == first.getOrderId(), again);
    OrderError error = failing(OrderError.class, () -> place(server, limit().setQuantity("11"), first.getRequestId()));
    expect(error.reason().equals("REQUEST_ID_REUSED"), error);
    expect(ordersOf(first.getRequestId()).size() == 1, "not one order");
  }

  private static void lost(Client server, Client proxy) throws Exception {
    int before = Integer.parseInt(tell("lost"));
    tell("lose?answers=1");
    PlaceResponse placed = place(proxy, limit(), id());
    expect(Integer.parseInt(tell("lost")) == before + 1 && placed.getReplayed(), placed);
    expect(ordersOf(placed.getRequestId()).equals(List.of(placed.getOrderId())), "not one order");
  }

  private static void unknown(Client server, Client proxy) throws Exception {
    tell("lose?answers=-1");
    OutcomeUnknown error = failing(OutcomeUnknown.class, () -> proxy.place(limit().build(), true, id(), Duration.ofSeconds(3)));
    var orders = ordersOf(error.requestId());
    expect(orders.equals(List.of(server.getPlacedAs(error.requestId()).getOrder().getOrderId())), orders);
  }

  private static void killed(Client server, Client proxy) throws Exception {
    int orderId = place(server, limit(), id()).getOrderId();
    List<String> fills = new ArrayList<>();
    OrderState last = null;
    try (Watch watch = server.watch(orderId, 0)) {
      follow(watch, event -> event.message().getEventCase() == EventCase.SNAPSHOT_END);
      tell("fill?order_id=" + orderId + "&quantity=3&price=199");
      List<Event> events = follow(watch, event -> event.message().hasFill());
      tell("kill");
      tell("start");
      tell("fill?order_id=" + orderId);
      events.addAll(follow(watch, event -> false));
      for (Event event : events) {
        if (event.message().hasFill()) {
          fills.add(event.message().getFill().getQuantity());
        }
        last = event.message().hasOrder() ? event.message().getOrder() : last;
      }
    }
    expect(fills.equals(List.of("3", "7")) && last != null && last.getStatus() == OrderState.Status.FILLED, fills);
  }

  private static void lagging(Client server, Client proxy) throws Exception {
    tell("automatic");
    try (Watch watch = server.watch(0, 0)) {
      follow(watch, event -> true);
      var missing = new HashSet<Integer>();
      for (int n = 0; n < 200; n++) {
        missing.add(place(server, limit().setSymbol("MSFT").setOrderType(Order.OrderType.MKT).clearLimitPrice(), id()).getOrderId());
      }
      var fills = new HashSet<String>();
      follow(watch, event -> {
        if (event.message().hasFill() && missing.contains(event.message().getFill().getOrderId())) {
          fills.add(event.message().getFill().getExecId());
        }
        if (event.message().getOrder().getStatus() == OrderState.Status.FILLED) {
          missing.remove(event.message().getOrder().getOrderId());
        }
        return missing.isEmpty();
      });
      expect(fills.size() >= 200, fills.size() + " fills");
    }
  }

  private static void halted(Client server, Client proxy) throws Exception {
    tell("halt");
    OrderState placed = place(server, limit(), id()).getState();
    expect(placed.getStatus() == OrderState.Status.PRE_SUBMITTED, placed);
    tell("resume");
    try (Watch watch = server.watch(placed.getOrderId(), 0)) {
      follow(watch, event -> event.message().getOrder().getStatus() == OrderState.Status.SUBMITTED);
    }
    expect(server.cancel(placed.getOrderId()).getStatus() == OrderState.Status.CANCELLED, "not cancelled");
  }

  private static void bracket(Client server, Client proxy) throws Exception {
    var wrong = PlaceBracketRequest.newBuilder().setEntry(limit()).setStopLoss(StopLoss.newBuilder().setStopPrice("210")).setRequestId(id()).build();
    OrderError error = failing(OrderError.class, () -> server.placeBracket(wrong));
    expect(error.reason().equals("ORDER_INVALID") && error.violations().get(0).field().equals("stop_loss.stop_price"), error);
    tell("lose?answers=1");
    PlaceBracketResponse placed = proxy.placeBracket(PlaceBracketRequest.newBuilder().setEntry(limit())
        .setTakeProfit(TakeProfit.newBuilder().setLimitPrice("220")).setStopLoss(StopLoss.newBuilder().setStopPrice("190")).setRequestId(id()).build());
    int entry = placed.getEntry().getOrderId();
    int target = placed.getTakeProfit().getOrderId();
    int stop = placed.getStopLoss().getOrderId();
    expect(placed.getReplayed() && ordersOf(placed.getRequestId()).equals(List.of(entry)), placed);
    var listed = server.list(ListRequest.newBuilder().setBracketId(entry).build()).stream().map(OrderState::getOrderId).toList();
    expect(listed.equals(List.of(stop, target, entry)), listed);
    tell("fill?order_id=" + entry);
    var ended = new HashSet<Integer>();
    try (Watch watch = server.watch(WatchRequest.newBuilder().setPlacedAs(placed.getRequestId()).setWithFamily(true).build())) {
      follow(watch, event -> {
        OrderState order = event.message().getOrder();
        if (order.getOrderId() == entry && order.getStatus() == OrderState.Status.FILLED) {
          expect(refusal(() -> server.cancel(target)).equals("ORDER_STATE"), "cancelled alone");
          server.cancel(CancelRequest.newBuilder().setOrderId(target).setWithSibling(true).build());
        }
        if (order.getTerminal()) {
          ended.add(order.getOrderId());
        }
        return false;
      });
    }
    expect(ended.equals(Set.of(entry, target, stop)), ended);
    expect(server.get(entry).getLegsList().stream().map(OrderState::getOrderId).toList().equals(List.of(target, stop)), "its legs");
  }

  private static String refusal(Callable<?> call) {
    try {
      return failing(OrderError.class, call).reason();
    } catch (Exception other) {
      throw new AssertionError(other);
    }
  }

  private static void replaced(Client server, Client proxy) throws Exception {
    PlaceResponse placed = place(server, limit(), id());
    var change = ReplaceRequest.newBuilder().setOrderId(placed.getOrderId()).setQuantity("12").setLimitPrice("201.5").setExpectedRevision(1).setRequestId(id()).build();
    tell("lose?answers=1");
    ReplaceResponse replaced = proxy.replace(change);
    OrderState order = replaced.getOrder();
    expect(replaced.getReplayed() && order.getReplacement().getStatus() == Replacement.Status.ACCEPTED, replaced);
    expect(order.getQuantity().equals("12") && order.getLimitPrice().equals("201.5") && order.getTermsRevision() == 2, order);
    expect(ordersOf(placed.getRequestId(), 2).size() == 1, "not one order");
    var late = ReplaceRequest.newBuilder().setOrderId(placed.getOrderId()).setTif(Order.TimeInForce.GTC).setExpectedRevision(1).setRequestId(id()).build();
    expect(refusal(() -> server.replace(late)).equals("ORDER_CHANGED"), "changed again");
    expect(server.cancel(placed.getOrderId()).getStatus() == OrderState.Status.CANCELLED, "not cancelled");
  }

  private static void preview(Client server, Client proxy) throws Exception {
    String before = tell("orders");
    var previewed = server.preview(limit().build());
    expect(previewed.getAccepted() && previewed.getAfter().hasInitial(), previewed);
    expect(tell("orders").equals(before), "an order was placed");
  }

  private static double held(Client client) {
    var found = client.listPositions("");
    expect(!found.getStale(), "stale");
    return found.getPositionsList().stream().filter(position -> position.getSymbol().equals("IBM")).mapToDouble(p -> Double.parseDouble(p.getQuantity())).sum();
  }

  private static void positions(Client server, Client proxy) throws Exception {
    double before = held(server);
    int orderId = place(server, limit().setSymbol("IBM").setQuantity("3").setLimitPrice("300"), id()).getOrderId();
    try (AccountWatch watch = server.watchAccount("")) {
      boolean seen = false;
      while (!seen && watch.hasNext()) {
        var update = watch.next();
        if (update.hasSnapshotEnd()) {
          tell("fill?order_id=" + orderId);
        }
        seen = update.getPosition().getSymbol().equals("IBM") && Double.parseDouble(update.getPosition().getQuantity()) == before + 3;
      }
    }
    expect(held(server) == before + 3, held(server));
    var account = server.getAccount("");
    expect(!account.getAccount().isEmpty() && account.getValuesCount() > 0, account);
  }

  private static void stopped(Client server, Client proxy) throws Exception {
    int orderId = place(server, limit(), id()).getOrderId();
    var halted = server.halt(HaltRequest.newBuilder().setReason("conformance").build());
    expect(halted.getState() == TradingState.CANCEL_ONLY && halted.getPersisted(), halted);
    expect(refusal(() -> place(server, limit(), id())).equals("HALTED"), "placed");
    expect(server.limits().getHalts(0).getReason().equals("conformance"), "no halt");
    var results = server.cancelAll(CancelAllRequest.getDefaultInstance()).getResultsList();
    expect(results.stream().anyMatch(r -> r.getOrderId() == orderId && r.getStatus() == OrderState.Status.CANCELLED), results);
    expect(server.resume(ResumeRequest.getDefaultInstance()).getState() == TradingState.ACTIVE, "still halted");
    expect(server.cancelAll(CancelAllRequest.getDefaultInstance()).getResultsCount() == 0, "orders are open");
  }

  /** Reads a watch until it ends or {@code until} says so. Each stored event must come once and in order. */
  private static List<Event> follow(Watch watch, Predicate<Event> until) {
    List<Event> events = new ArrayList<>();
    long last = 0;
    long end = System.nanoTime() + MINUTE.toNanos();
    while (watch.hasNext()) {
      Event event = watch.next();
      if (event.message().hasOrder() || event.message().hasFill()) {
        expect(Long.compareUnsigned(event.sequence(), last) > 0, event.sequence() + " after " + last);
        last = event.sequence();
      }
      events.add(event);
      if (until.test(event)) {
        return events;
      }
      expect(System.nanoTime() < end, "not within a minute");
    }
    return events;
  }

  private static <E extends Exception> E failing(Class<E> kind, Callable<?> call) throws Exception {
    try {
      Object answer = call.call();
      throw new AssertionError("a call that must fail answered " + answer);
    } catch (Exception error) {
      if (kind.isInstance(error)) {
        return kind.cast(error);
      }
      throw error;
    }
  }

  private static void expect(boolean condition, Object otherwise) {
    if (!condition) {
      throw new AssertionError(otherwise);
    }
  }
}
