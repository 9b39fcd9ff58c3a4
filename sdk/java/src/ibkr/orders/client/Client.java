package ibkr.orders.client;

import com.google.protobuf.Duration;
import ibkr.orders.v1.CancelAllRequest;
import ibkr.orders.v1.CancelAllResponse;
import ibkr.orders.v1.CancelRequest;
import ibkr.orders.v1.GetAccountRequest;
import ibkr.orders.v1.GetAccountResponse;
import ibkr.orders.v1.GetLimitsRequest;
import ibkr.orders.v1.GetLimitsResponse;
import ibkr.orders.v1.GetRequest;
import ibkr.orders.v1.GetResponse;
import ibkr.orders.v1.HaltRequest;
import ibkr.orders.v1.HaltResponse;
import ibkr.orders.v1.HealthRequest;
import ibkr.orders.v1.HealthResponse;
import ibkr.orders.v1.ListPositionsRequest;
import ibkr.orders.v1.ListPositionsResponse;
import ibkr.orders.v1.ListRequest;
import ibkr.orders.v1.ListResponse;
import ibkr.orders.v1.Order;
import ibkr.orders.v1.OrderState;
import ibkr.orders.v1.PlaceBracketRequest;
import ibkr.orders.v1.PlaceBracketResponse;
import ibkr.orders.v1.PlaceRequest;
import ibkr.orders.v1.PlaceResponse;
import ibkr.orders.v1.PreviewRequest;
import ibkr.orders.v1.PreviewResponse;
import ibkr.orders.v1.ReplaceRequest;
import ibkr.orders.v1.ReplaceResponse;
import ibkr.orders.v1.ResumeRequest;
import ibkr.orders.v1.ResumeResponse;
import ibkr.orders.v1.TransmitRequest;
import ibkr.orders.v1.WatchRequest;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;

/** Calls a gateway, or the first of several that answers. Safe to use from many threads. */
public final class Client implements AutoCloseable {
  private static final java.time.Duration DEADLINE = java.time.Duration.ofSeconds(15);
  private static final java.time.Duration TIMEOUT = java.time.Duration.ofSeconds(5);
  private final Connections connections;

  /**
   * A client without token.
   *
   * @param addresses http://HOST:PORT or https://HOST:PORT; none: http://127.0.0.1:50051
   */
  public Client(String... addresses) {
    this(null, null, addresses);
  }

  /**
   * A client that shows a token.
   *
   * @param token bearer token, or null
   * @param authorities PEM file of the authorities that sign the gateway's certificate, or null for Java's
   * @param addresses http://HOST:PORT or https://HOST:PORT; none: http://127.0.0.1:50051
   */
  public Client(String token, File authorities, String... addresses) {
    List<String> named = addresses.length == 0 ? List.of("http://127.0.0.1:50051") : List.of(addresses);
    this.connections = new Connections(token, authorities, named);
  }

  /** Ends calls and watches that are open, and closes the connections. */
  @Override
  public void close() {
    connections.close();
  }

  /**
   * Whether orders can be placed now, and why not.
   *
   * @return what the gateway knows about itself and its TWS
   */
  public HealthResponse health() {
    return connections.orders(Attempts.of(DEADLINE, TIMEOUT), stub -> stub.health(HealthRequest.getDefaultInstance()));
  }

  /**
   * Places an order at once, under a new request id. See {@link #place(Order, boolean, String, java.time.Duration)}.
   *
   * @param order the order
   * @param onRequestId is called with the request id before the first byte leaves, so that it can be kept
   * @return the first thing TWS says about the order
   */
  public PlaceResponse place(Order order, Consumer<String> onRequestId) {
    String requestId = UUID.randomUUID().toString();
    onRequestId.accept(requestId);
    return place(order, true, requestId, DEADLINE);
  }

  /**
   * Places an order, once. An attempt whose answer got lost is repeated under the request id until the deadline.
   *
   * @param order the order
   * @param transmit sends the order on at once; else it is staged in TWS
   * @param requestId names the request for good: the same id never makes a second order
   * @param deadline for the whole call
   * @return the first thing TWS says about the order
   * @throws OrderError where the order was refused and nothing was sent
   * @throws OutcomeUnknown where the time is up and bytes may have left
   */
  public PlaceResponse place(Order order, boolean transmit, String requestId, java.time.Duration deadline) {
    var request = PlaceRequest.newBuilder().setOrder(order).setTransmit(transmit).setRequestId(requestId).setTimeout(seconds(TIMEOUT)).build();
    return connections.orders(named(requestId, deadline), stub -> stub.place(request));
  }

  /**
   * Places an entry with a take profit, a stop loss or both, all of them or none, once. Always transmitted. The answer and its errors are as for
   * {@link #place(Order, boolean, String, java.time.Duration)}.
   *
   * @param request the orders, and the request id
   * @return the orders; the entry's id is the bracket id of all of them
   */
  public PlaceBracketResponse placeBracket(PlaceBracketRequest request) {
    return connections.orders(named(request.getRequestId(), DEADLINE), stub -> stub.placeBracket(request));
  }

  /**
   * Changes the terms of an order that TWS has; never makes a new one. The same request id never changes an order twice. Errors are as for
   * {@link #place(Order, boolean, String, java.time.Duration)}.
   *
   * @param request the order, what is to change, and the request id
   * @return the order; its replacement says what became of the change
   */
  public ReplaceResponse replace(ReplaceRequest request) {
    return connections.orders(named(request.getRequestId(), DEADLINE), stub -> stub.replace(request));
  }

  /**
   * What TWS would make of an order, with nothing placed. IB asks for about one a minute, so an attempt whose answer got lost is not made again.
   *
   * @param order the order
   * @return margins, commission and warnings, or why TWS would refuse it
   */
  public PreviewResponse preview(Order order) {
    var request = PreviewRequest.newBuilder().setOrder(order).setTimeout(seconds(TIMEOUT)).build();
    return connections.orders(Attempts.once(DEADLINE, TIMEOUT), stub -> stub.preview(request));
  }

  /**
   * Stored orders, newest first, in as many calls as they take.
   *
   * @param request which
   * @return the orders
   */
  public List<OrderState> list(ListRequest request) {
    List<OrderState> orders = new ArrayList<>();
    ListRequest.Builder next = request.toBuilder();
    do {
      ListRequest page = next.build();
      ListResponse answer = connections.orders(Attempts.of(DEADLINE, TIMEOUT), stub -> stub.list(page));
      orders.addAll(answer.getOrdersList());
      next.setPageToken(answer.getNextPageToken());
    } while (!next.getPageToken().isEmpty());
    return orders;
  }

  /**
   * One order and its fills, as stored; of a bracket's entry its exits too.
   *
   * @param orderId the order's id
   * @return the order
   */
  public GetResponse get(int orderId) {
    return whole(GetRequest.newBuilder().setOrderId(orderId));
  }

  /**
   * One order and its fills, by the request id it was placed under.
   *
   * @param requestId the request id
   * @return the order
   */
  public GetResponse getPlacedAs(String requestId) {
    return whole(GetRequest.newBuilder().setPlacedAs(requestId));
  }

  /** An order with the fills of every page. */
  private GetResponse whole(GetRequest.Builder request) {
    GetResponse.Builder whole = null;
    do {
      GetRequest next = request.build();
      GetResponse page = connections.orders(Attempts.of(DEADLINE, TIMEOUT), stub -> stub.get(next));
      if (whole == null) {
        whole = page.toBuilder();
      } else {
        whole.addAllFills(page.getFillsList());
      }
      request.setPageToken(page.getNextPageToken());
    } while (!request.getPageToken().isEmpty());
    return whole.clearNextPageToken().build();
  }

  /**
   * Cancels an order. Safe to repeat.
   *
   * @param orderId the order's id
   * @return TWS's verdict, or the state as it is after 5 s
   */
  public OrderState cancel(int orderId) {
    return cancel(CancelRequest.newBuilder().setOrderId(orderId).setTimeout(seconds(TIMEOUT)).build());
  }

  /**
   * Cancels an order as the request says; with {@code with_sibling} also an exit of a bracket whose other exit works. Safe to repeat.
   *
   * @param request which order
   * @return TWS's verdict, or the state as it is after the timeout
   */
  public OrderState cancel(CancelRequest request) {
    return connections.orders(Attempts.of(DEADLINE, TIMEOUT), stub -> stub.cancel(request)).getOrder();
  }

  /**
   * Releases a staged order. Safe to repeat.
   *
   * @param orderId the order's id
   * @return the order's state
   */
  public OrderState transmit(int orderId) {
    var request = TransmitRequest.newBuilder().setOrderId(orderId).setTimeout(seconds(TIMEOUT)).build();
    return connections.orders(Attempts.of(DEADLINE, TIMEOUT), stub -> stub.transmit(request)).getOrder();
  }

  /**
   * What happens to one order until it ends, or to every order without end.
   *
   * @param orderId the order; 0 for all
   * @param afterSequence resume after a sequence seen before; 0: start with the current state
   * @return the events, each once
   */
  public Watch watch(int orderId, long afterSequence) {
    return watch(WatchRequest.newBuilder().setOrderId(orderId).setAfterSequence(afterSequence).build());
  }

  /**
   * What is watched as the request says: one order until it ends, with {@code with_family} its whole bracket until all of it has ended, or every
   * order without end.
   *
   * @param request which order, and from where
   * @return the events, each once
   */
  public Watch watch(WatchRequest request) {
    return new Watch(connections, request);
  }

  /**
   * Positions as TWS last said them.
   *
   * @param account only of this account; empty: of every one of the login
   * @return the positions, and whether they may be old
   */
  public ListPositionsResponse listPositions(String account) {
    var request = ListPositionsRequest.newBuilder().setAccount(account).setTimeout(seconds(TIMEOUT)).build();
    return connections.accounts(Attempts.of(DEADLINE, TIMEOUT), stub -> stub.listPositions(request));
  }

  /**
   * The values of an account as TWS last said them.
   *
   * @param account which; empty: the gateway's IB_ACCOUNT, else the login's only one
   * @return the values, and whether they may be old
   */
  public GetAccountResponse getAccount(String account) {
    var request = GetAccountRequest.newBuilder().setAccount(account).setTimeout(seconds(TIMEOUT)).build();
    return connections.accounts(Attempts.of(DEADLINE, TIMEOUT), stub -> stub.getAccount(request));
  }

  /**
   * Positions and values as they change: first all that is known.
   *
   * @param account only of this account; empty: of every one of the login
   * @return the updates, without end
   */
  public AccountWatch watchAccount(String account) {
    return new AccountWatch(connections, account);
  }

  /**
   * The limits in force, what is left of them, and the halts.
   *
   * @return the limits
   */
  public GetLimitsResponse limits() {
    return connections.risk(Attempts.of(DEADLINE, TIMEOUT), stub -> stub.getLimits(GetLimitsRequest.getDefaultInstance()));
  }

  /**
   * Stops new orders of everybody, of one caller or for one account. Safe to repeat.
   *
   * @param request whose, why, and what of the open orders
   * @return the halts in force
   */
  public HaltResponse halt(HaltRequest request) {
    return connections.risk(Attempts.of(DEADLINE, TIMEOUT), stub -> stub.halt(request));
  }

  /**
   * Lifts halts. An attempt whose answer got lost is not made again, because it would lift a halt that somebody else made meanwhile.
   *
   * @param request whose; empty: every halt
   * @return the halts still in force
   */
  public ResumeResponse resume(ResumeRequest request) {
    return connections.risk(Attempts.once(DEADLINE, TIMEOUT), stub -> stub.resume(request));
  }

  /**
   * Cancels open orders one by one; exits of positions stay unless they are asked for. An attempt whose answer got lost is not made again, because it
   * would cancel what was placed meanwhile.
   *
   * @param request which
   * @return what became of each
   */
  public CancelAllResponse cancelAll(CancelAllRequest request) {
    return connections.risk(Attempts.once(DEADLINE, TIMEOUT), stub -> stub.cancelAll(request));
  }

  private static Attempts named(String requestId, java.time.Duration deadline) {
    if (requestId.isEmpty()) {
      throw new IllegalArgumentException("the request needs a request id");
    }
    return Attempts.of(deadline, TIMEOUT, requestId);
  }

  static Duration seconds(java.time.Duration time) {
    return Duration.newBuilder().setSeconds(time.getSeconds()).setNanos(time.getNano()).build();
  }
}
