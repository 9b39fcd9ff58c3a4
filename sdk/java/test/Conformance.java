import ibkr.orders.client.Client;
import ibkr.orders.client.Event;
import ibkr.orders.client.OrderError;
import ibkr.orders.client.OutcomeUnknown;
import ibkr.orders.client.Violation;
import ibkr.orders.client.Watch;
import ibkr.orders.v1.Order;
import ibkr.orders.v1.OrderState;
import ibkr.orders.v1.PlaceResponse;
import ibkr.orders.v1.WatchResponse.EventCase;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/** The conformance list (sdk/conformance/README.md). Run by sdk/conformance/world.py. */
final class Conformance {
  private static final Duration MINUTE = Duration.ofMinutes(1);
  private static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

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
    System.out.println("7 passed, 0 failed");
  }

  private static void test(String name, Test test) throws Exception {
    tell("lose?answers=0");
    tell("resume");
    tell("explicit");
    try (Client server = new Client(System.getenv("ORDERS_SERVER")); Client proxy = new Client(System.getenv("ORDERS_PROXY"))) {
      test.run(server, proxy);
    }
    System.out.println("ok: " + name);
  }

  private static String tell(String command) throws Exception {
    var request = HttpRequest.newBuilder(URI.create(System.getenv("WORLD") + "/" + command)).POST(HttpRequest.BodyPublishers.noBody()).build();
    var answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
    expect(answer.statusCode() == 200, command + ": " + answer.body());
    return answer.body();
  }

  /** Ids of the orders that reached the exchange under a request id, each once however many placeOrder messages came for it: that must be one. */
  private static List<Integer> ordersOf(String requestId) throws Exception {
    List<Integer> found = new ArrayList<>();
    var orders = Pattern.compile("\\{[^}]*\"order_id\": (\\d+)[^}]*\"order_ref\": \"" + requestId + "\"[^}]*\"place_messages\": (\\d+)[^}]*\\}").matcher(tell("orders"));
    while (orders.find()) {
      expect(orders.group(2).equals("1"), "an order was sent " + orders.group(2) + " times");
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
    return "java-" + UUID.randomUUID();
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
