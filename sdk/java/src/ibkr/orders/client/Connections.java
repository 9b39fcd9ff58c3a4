package ibkr.orders.client;

import ibkr.orders.v1.AccountServiceGrpc;
import ibkr.orders.v1.AccountServiceGrpc.AccountServiceBlockingStub;
import ibkr.orders.v1.OrderServiceGrpc;
import ibkr.orders.v1.OrderServiceGrpc.OrderServiceBlockingStub;
import ibkr.orders.v1.RiskServiceGrpc;
import ibkr.orders.v1.RiskServiceGrpc.RiskServiceBlockingStub;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.AbstractBlockingStub;
import io.grpc.stub.MetadataUtils;
import java.io.File;
import java.net.URI;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;

/** The connections to one gateway or to several, of which the first that answers is asked. */
final class Connections implements AutoCloseable {
  private static final Metadata.Key<String> AUTHORIZATION = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  /** A connection for calls and one for watches: a stream that nobody reads would hold up other calls of its connection. */
  private record Endpoint(String address, ManagedChannel calls, ManagedChannel watches) {}

  private final String token;
  private final List<Endpoint> endpoints;
  private final AtomicInteger at = new AtomicInteger();

  Connections(String token, File authorities, List<String> addresses) {
    this.token = token;
    this.endpoints = addresses.stream().map(address -> connect(address, authorities)).toList();
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

  @Override
  public void close() {
    for (Endpoint endpoint : endpoints) {
      endpoint.calls().shutdownNow();
      endpoint.watches().shutdownNow();
    }
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

  private Channel authorized(ManagedChannel channel) {
    if (token == null) {
      return channel;
    }
    Metadata headers = new Metadata();
    headers.put(AUTHORIZATION, "Bearer " + token);
    return ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  /** What a watch of orders is asked of. */
  OrderServiceBlockingStub orderWatches() {
    return OrderServiceGrpc.newBlockingStub(authorized(current().watches()));
  }

  /** What a watch of accounts is asked of. */
  AccountServiceBlockingStub accountWatches() {
    return AccountServiceGrpc.newBlockingStub(authorized(current().watches()));
  }

  <T> T orders(Attempts attempts, Function<OrderServiceBlockingStub, T> call) {
    return repeat(attempts, OrderServiceGrpc::newBlockingStub, call);
  }

  <T> T accounts(Attempts attempts, Function<AccountServiceBlockingStub, T> call) {
    return repeat(attempts, AccountServiceGrpc::newBlockingStub, call);
  }

  <T> T risk(Attempts attempts, Function<RiskServiceBlockingStub, T> call) {
    return repeat(attempts, RiskServiceGrpc::newBlockingStub, call);
  }

  private <S extends AbstractBlockingStub<S>, T> T repeat(Attempts attempts, Function<Channel, S> stubs, Function<S, T> call) {
    while (true) {
      S stub = stubs.apply(authorized(current().calls()));
      try {
        return call.apply(stub.withDeadlineAfter(attempts.callTimeout().toNanos(), TimeUnit.NANOSECONDS));
      } catch (StatusRuntimeException failed) {
        attempts.after(OrderError.of(failed), this::elsewhere);
      }
    }
  }
}
