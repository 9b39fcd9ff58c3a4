import com.google.protobuf.Duration;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import ibkr.orders.v1.GetRequest;
import ibkr.orders.v1.HealthRequest;
import ibkr.orders.v1.Order;
import ibkr.orders.v1.OrderServiceGrpc;
import ibkr.orders.v1.OrderServiceGrpc.OrderServiceBlockingStub;
import ibkr.orders.v1.OrderState;
import ibkr.orders.v1.PlaceRequest;
import ibkr.orders.v1.PlaceResponse;
import ibkr.orders.v1.ValidateRequest;
import ibkr.orders.v1.WatchRequest;
import ibkr.orders.v1.WatchResponse;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.io.File;
import java.util.Iterator;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * Places BUY 1 AAPL MKT through an ibkr-orders gateway and watches it to its end. See README.md for the commands.
 *
 * <p>ORDERS_SERVER (default http://127.0.0.1:50051) names the gateway, ORDERS_SERVER_CA a PEM file with the authority of an
 * https:// one, ORDERS_TOKEN a bearer token.
 */
public final class PlaceAndWatch {
  public static void main(String[] arguments) throws Exception {
    ManagedChannel channel = connect();
    // Streams that nobody reads block other calls of their connection: a watch gets a connection of its own.
    ManagedChannel watchChannel = connect();
    try {
      run(stub(channel), stub(watchChannel));
    } catch (StatusRuntimeException | IllegalStateException error) {
      System.err.println("failed: " + error.getMessage());
      System.exit(1);
    } finally {
      channel.shutdownNow();
      watchChannel.shutdownNow();
    }
  }

  private static void run(OrderServiceBlockingStub orders, OrderServiceBlockingStub watches) {
    var health = limited(orders, 10).health(HealthRequest.getDefaultInstance());
    System.out.printf("health: gateway %s, connected %s, accounts %s%n", health.getVersion(), health.getConnected(),
        String.join(" ", health.getAccountsList()));
    expect(health.getConnected(), "the gateway cannot place orders: " + health.getError());

    var bad = Order.newBuilder().setAction(Order.Action.BUY).setSymbol("AAPL").setOrderType(Order.OrderType.LMT)
        .setQuantity("-1").build();
    var checked = limited(orders, 5).validate(ValidateRequest.newBuilder().setOrder(bad).build());
    expect(!checked.getValid(), "an order without limit and with a negative quantity passed");
    for (var error : checked.getErrorsList()) {
      System.out.printf("validate: %s: %s (%s)%n", String.join(".", error.getLocList()), error.getMsg(), error.getType());
    }
    expect(refusal("place", () -> limited(orders, 10).place(PlaceRequest.newBuilder().setOrder(bad).build()))
        .equals("ORDER_INVALID"), "the invalid order was not refused as ORDER_INVALID");

    var request = PlaceRequest.newBuilder()
        .setOrder(Order.newBuilder().setAction(Order.Action.BUY).setSymbol("AAPL").setOrderType(Order.OrderType.MKT)
            .setQuantity("1"))
        .setTransmit(true)
        .setRequestId("java-" + UUID.randomUUID())
        .build();
    PlaceResponse placed = place(orders, request);
    System.out.printf("place: order %d is %s, request %s%n", placed.getOrderId(), placed.getState().getStatus(),
        placed.getRequestId());
    PlaceResponse again = place(orders, request);
    expect(again.getReplayed() && again.getOrderId() == placed.getOrderId(), "the same request made a second order");
    System.out.printf("place again: still order %d%n", again.getOrderId());

    OrderState end = watch(watches, placed.getState());
    expect(end.getStatus() == OrderState.Status.FILLED, "the order ended " + end.getStatus() + ": " + end.getLastError());

    var other = request.toBuilder();
    other.getOrderBuilder().setQuantity("2");
    expect(refusal("place other order", () -> place(orders, other.build())).equals("REQUEST_ID_REUSED"),
        "a request id was taken for another order");

    var got = limited(orders, 5).get(GetRequest.newBuilder().setPlacedAs(request.getRequestId()).build());
    System.out.printf("done: order %d %s at %s, %d fill(s), commission %s%n", got.getOrder().getOrderId(),
        got.getOrder().getStatus(), got.getOrder().getAvgFillPrice(), got.getFillsCount(), got.getOrder().getCommission());
  }

  private static ManagedChannel connect() throws Exception {
    String server = System.getenv().getOrDefault("ORDERS_SERVER", "http://127.0.0.1:50051");
    var builder = NettyChannelBuilder.forTarget(server.replaceFirst("^https?://", ""));
    if (!server.startsWith("https://")) {
      return builder.usePlaintext().build();
    }
    var tls = GrpcSslContexts.forClient();
    if (System.getenv("ORDERS_SERVER_CA") != null) {
      tls.trustManager(new File(System.getenv("ORDERS_SERVER_CA")));
    }
    return builder.sslContext(tls.build()).build();
  }

  private static OrderServiceBlockingStub stub(ManagedChannel channel) {
    var headers = new Metadata();
    if (System.getenv("ORDERS_TOKEN") != null) {
      headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + System.getenv("ORDERS_TOKEN"));
    }
    return MetadataUtils.attachHeaders(OrderServiceGrpc.newBlockingStub(channel), headers);
  }

  private static OrderServiceBlockingStub limited(OrderServiceBlockingStub stub, int seconds) {
    return stub.withDeadlineAfter(seconds, TimeUnit.SECONDS);
  }

  /**
   * Repeats a Place whose outcome is not known, or that the gateway could not take now. That is safe because, and only because, it has a
   * request id: the same request never makes a second order.
   */
  private static PlaceResponse place(OrderServiceBlockingStub orders, PlaceRequest request) {
    expect(!request.getRequestId().isEmpty(), "a place that may be repeated needs a request id");
    for (int attempt = 1; ; attempt++) {
      try {
        return limited(orders, 10).place(request);
      } catch (StatusRuntimeException error) {
        String reason = reasonOf(error);
        boolean known = !reason.isEmpty() && !reason.equals("INTERNAL");
        if (attempt == 5 || (known && error.getStatus().getCode() != Code.UNAVAILABLE)) {
          throw error;
        }
        pause(200L << attempt);
      }
    }
  }

  /**
   * Follows an order from what Place answered to its end. A stream that breaks is opened again after the last sequence
   * seen, so each event shows once. The first stream is broken here on purpose.
   */
  private static OrderState watch(OrderServiceBlockingStub orders, OrderState placed) {
    var request = WatchRequest.newBuilder().setOrderId(placed.getOrderId()).setAfterSequence(placed.getSequence())
        .setMaxWait(Duration.newBuilder().setSeconds(60));
    OrderState last = placed;
    for (int attempt = 1; attempt <= 5; attempt++) {
      var stream = Context.current().withCancellation();
      Context before = stream.attach();
      try {
        Iterator<WatchResponse> responses = limited(orders, 90).watch(request.build());
        while (responses.hasNext()) {
          WatchResponse response = responses.next();
          request.setAfterSequence(response.getSequence());
          if (response.hasOrder()) {
            last = response.getOrder();
          }
          System.out.println("watch: " + describe(response));
          if (attempt == 1 && !stream.isCancelled()) {
            System.out.println("watch: breaking the stream, to go on after " + response.getSequence());
            stream.cancel(null);
          }
        }
        return last; // the server ended it: the order has ended
      } catch (StatusRuntimeException error) {
        if (!reasonOf(error).isEmpty() && error.getStatus().getCode() != Code.UNAVAILABLE) {
          throw error;
        }
      } finally {
        stream.detach(before);
        stream.cancel(null);
      }
      pause(100L * attempt);
    }
    throw new IllegalStateException("the watch of order " + placed.getOrderId() + " broke five times");
  }

  private static String describe(WatchResponse response) {
    String event = switch (response.getEventCase()) {
      case ORDER -> response.getOrder().getStatus() + ", filled " + response.getOrder().getFilled() + " of "
          + response.getOrder().getQuantity();
      case FILL -> "fill of " + response.getFill().getQuantity() + " at " + response.getFill().getPrice();
      case LINK -> "link: " + response.getLink().getText();
      case SNAPSHOT_END, HEARTBEAT -> response.getEventCase().name().toLowerCase();
      case EVENT_NOT_SET -> "an event newer than this program";
    };
    return Long.toUnsignedString(response.getSequence()) + " " + event;
  }

  /**
   * The gateway's reason; empty for a status that no gateway made. A proxy or a gRPC library promises nothing, whatever its code says.
   */
  private static String reasonOf(StatusRuntimeException error) {
    try {
      for (var detail : StatusProto.fromThrowable(error).getDetailsList()) {
        if (detail.is(ErrorInfo.class) && detail.unpack(ErrorInfo.class).getDomain().equals("ibkr.orders.v1")) {
          return detail.unpack(ErrorInfo.class).getReason();
        }
      }
    } catch (com.google.protobuf.InvalidProtocolBufferException unreadable) {
      return "";
    }
    return "";
  }

  /** Makes a call that must fail, says what its status carries and answers its reason. */
  private static String refusal(String what, Runnable call) {
    try {
      call.run();
    } catch (StatusRuntimeException error) {
      String reason = "";
      try {
        for (var detail : StatusProto.fromThrowable(error).getDetailsList()) {
          if (detail.is(ErrorInfo.class)) {
            reason = detail.unpack(ErrorInfo.class).getReason();
            System.out.printf("%s: %s %s: %s%n", what, error.getStatus().getCode(), reason, error.getStatus().getDescription());
          }
          if (detail.is(BadRequest.class)) {
            for (var violation : detail.unpack(BadRequest.class).getFieldViolationsList()) {
              System.out.printf("  %s: %s%n", violation.getField(), violation.getDescription());
            }
          }
        }
      } catch (com.google.protobuf.InvalidProtocolBufferException unreadable) {
        throw new IllegalStateException(what + ": error details cannot be read", unreadable);
      }
      return reason;
    }
    throw new IllegalStateException(what + ": a call that must fail succeeded");
  }

  private static void pause(long milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", stopped);
    }
  }

  private static void expect(boolean condition, String otherwise) {
    if (!condition) {
      throw new IllegalStateException(otherwise);
    }
  }
}
