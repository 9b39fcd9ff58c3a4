package ibkr.orders.client;

import com.google.protobuf.Duration;
import ibkr.orders.v1.CancelRequest;
import ibkr.orders.v1.GetRequest;
import ibkr.orders.v1.GetResponse;
import ibkr.orders.v1.HealthRequest;
import ibkr.orders.v1.HealthResponse;
import ibkr.orders.v1.Order;
import ibkr.orders.v1.OrderServiceGrpc;
import ibkr.orders.v1.OrderServiceGrpc.OrderServiceBlockingStub;
import ibkr.orders.v1.OrderState;
import ibkr.orders.v1.PlaceRequest;
import ibkr.orders.v1.PlaceResponse;
import ibkr.orders.v1.TransmitRequest;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import java.io.File;
import java.net.URI;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;

/** Calls a gateway, or the first of several that answers. Safe to use from many threads. */
public final class Client implements AutoCloseable {
  private static final java.time.Duration DEADLINE = java.time.Duration.ofSeconds(15);
  private static final java.time.Duration TIMEOUT = java.time.Duration.ofSeconds(5);
  private static final Metadata.Key<String> AUTHORIZATION = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  /** A connection for calls and one for watches: a stream that nobody reads would hold up other calls of its connection. */
  private record Endpoint(String address, ManagedChannel calls, ManagedChannel watches) {}

  private final String token;
  private final List<Endpoint> endpoints;
  private final AtomicInteger at = new AtomicInteger();

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
    this.token = token;
    List<String> named = addresses.length == 0 ? List.of("http://127.0.0.1:50051") : List.of(addresses);
    this.endpoints = named.stream().map(address -> connect(address, authorities)).toList();
  }

  private Endpoint connect(String address, File authorities) {
    URI uri = URI.create(address);
    boolean secure = "https".equals(uri.getScheme());
    if (uri.getPort() < 0 || uri.getHost() == null || !(secure || "http".equals(uri.getScheme())) || uri.getPath().length() > 1) {
      throw new IllegalArgumentException(address + " is not an address: write http://HOST:PORT or https://HOST:PORT");
    }
    boolean loopback = uri.getHost().equals("localhost") || uri.getHost().startsWith("127.") || uri.getHost().equals("[::1]");
    if (token != null && !secure && !loopback) {
      throw new IllegalArgumentException("a token goes out over https:// or to loopback only: anybody on the way to " + address + " could read it");
    }
    List<ManagedChannel> channels = Stream.of(1, 2).map(n -> {
      var builder = NettyChannelBuilder.forTarget(uri.getAuthority()).keepAliveTime(30, TimeUnit.SECONDS).disableRetry();
      if (!secure) {
        return builder.usePlaintext().build();
      }
      try {
        var tls = GrpcSslContexts.forClient();
        return builder.sslContext((authorities == null ? tls : tls.trustManager(authorities)).build()).build();
      } catch (SSLException error) {
        throw new IllegalArgumentException("the authorities cannot be used: " + error.getMessage(), error);
      }
    }).toList();
    return new Endpoint(uri.getAuthority(), channels.get(0), channels.get(1));
  }

  /** Ends calls and watches that are open, and closes the connections. */
  @Override
  public void close() {
    for (Endpoint endpoint : endpoints) {
      endpoint.calls().shutdownNow();
      endpoint.watches().shutdownNow();
    }
  }

  /**
   * Whether orders can be placed now, and why not.
   *
   * @return what the gateway knows about itself and its TWS
   */
  public HealthResponse health() {
    return repeat(new Attempts(DEADLINE, TIMEOUT, null), stub -> stub.health(HealthRequest.getDefaultInstance()));
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
    if (requestId.isEmpty()) {
      throw new IllegalArgumentException("a place needs a request id");
    }
    var request = PlaceRequest.newBuilder().setOrder(order).setTransmit(transmit).setRequestId(requestId).setTimeout(seconds(TIMEOUT)).build();
    return repeat(new Attempts(deadline, TIMEOUT, requestId), stub -> stub.place(request));
  }

  /**
   * One order and its fills, as stored.
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
      GetResponse page = repeat(new Attempts(DEADLINE, TIMEOUT, null), stub -> stub.get(next));
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
    var request = CancelRequest.newBuilder().setOrderId(orderId).setTimeout(seconds(TIMEOUT)).build();
    return repeat(new Attempts(DEADLINE, TIMEOUT, null), stub -> stub.cancel(request)).getOrder();
  }

  /**
   * Releases a staged order. Safe to repeat.
   *
   * @param orderId the order's id
   * @return the order's state
   */
  public OrderState transmit(int orderId) {
    var request = TransmitRequest.newBuilder().setOrderId(orderId).setTimeout(seconds(TIMEOUT)).build();
    return repeat(new Attempts(DEADLINE, TIMEOUT, null), stub -> stub.transmit(request)).getOrder();
  }

  /**
   * What happens to one order until it ends, or to every order without end.
   *
   * @param orderId the order; 0 for all
   * @param afterSequence resume after a sequence seen before; 0: start with the current state
   * @return the events, each once
   */
  public Watch watch(int orderId, long afterSequence) {
    return new Watch(this, orderId, afterSequence);
  }

  OrderServiceBlockingStub watches() {
    return authorized(OrderServiceGrpc.newBlockingStub(current().watches()));
  }

  private Endpoint current() {
    return endpoints.get(at.get());
  }

  /** Moves to the leader that a standby named, where it is one of ours; else to the next. */
  void elsewhere(String leader) {
    for (int n = 0; n < endpoints.size(); n++) {
      if (leader != null && leader.endsWith(endpoints.get(n).address())) {
        at.set(n);
        return;
      }
    }
    at.updateAndGet(n -> (n + 1) % endpoints.size());
  }

  private OrderServiceBlockingStub authorized(OrderServiceBlockingStub stub) {
    if (token == null) {
      return stub;
    }
    Metadata headers = new Metadata();
    headers.put(AUTHORIZATION, "Bearer " + token);
    return stub.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  private <T> T repeat(Attempts attempts, Function<OrderServiceBlockingStub, T> call) {
    while (true) {
      var stub = authorized(OrderServiceGrpc.newBlockingStub(current().calls()));
      try {
        return call.apply(stub.withDeadlineAfter(attempts.callTimeout().toNanos(), TimeUnit.NANOSECONDS));
      } catch (StatusRuntimeException failed) {
        attempts.after(OrderError.of(failed), this::elsewhere);
      }
    }
  }

  static Duration seconds(java.time.Duration time) {
    return Duration.newBuilder().setSeconds(time.getSeconds()).setNanos(time.getNano()).build();
  }
}
