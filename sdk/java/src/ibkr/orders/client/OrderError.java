package ibkr.orders.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import ibkr.orders.client.rpc.BadRequest;
import ibkr.orders.client.rpc.ErrorInfo;
import ibkr.orders.client.rpc.PreconditionFailure;
import ibkr.orders.client.rpc.RetryInfo;
import ibkr.orders.client.rpc.Status;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** The gateway refused a call, or nobody answered it. */
public final class OrderError extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** The reason where nobody answered, or a proxy or library answered in a gateway's place. No gateway gives it. */
  public static final String GATEWAY_UNAVAILABLE = "GATEWAY_UNAVAILABLE";

  private static final Metadata.Key<byte[]> DETAILS = Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

  /** The stable word. */
  private final String reason;
  private final transient List<Violation> violations;
  /** When a retry makes sense, or null. */
  private final Duration retryAfter;
  private final transient Map<String, String> metadata;

  private OrderError(String reason, String message, List<Violation> violations, Duration retryAfter, Map<String, String> metadata, Throwable cause) {
    super(reason + ": " + message + (violations.isEmpty() ? "" : " " + violations), cause);
    this.reason = reason;
    this.violations = List.copyOf(violations);
    this.retryAfter = retryAfter;
    this.metadata = Map.copyOf(metadata);
  }

  /** What a failed call says. */
  static OrderError of(StatusRuntimeException failed) {
    String message = String.valueOf(failed.getStatus().getDescription());
    byte[] details = failed.getTrailers() == null ? null : failed.getTrailers().get(DETAILS);
    try {
      OrderError named = details == null ? null : named(Status.parseFrom(details), message, failed);
      if (named != null) {
        return named;
      }
    } catch (InvalidProtocolBufferException unreadable) {
      // Details that nobody can read are as good as none.
      message += " (with details that cannot be read)";
    }
    return switch (failed.getStatus().getCode()) {
      case UNAVAILABLE, DEADLINE_EXCEEDED, INTERNAL, UNKNOWN, CANCELLED, ABORTED, RESOURCE_EXHAUSTED -> new OrderError(
          GATEWAY_UNAVAILABLE, "no gateway answered (" + failed.getStatus().getCode() + ": " + message + ")", List.of(), null, Map.of(), failed);
      default -> new OrderError(failed.getStatus().getCode().name(), message, List.of(), null, Map.of(), failed);
    };
  }

  /** The error of a gateway, or null for a status without its ErrorInfo: that was made by a proxy or a library, and promises nothing. */
  private static OrderError named(Status status, String message, Throwable cause) throws InvalidProtocolBufferException {
    ErrorInfo info = null;
    Duration retryAfter = null;
    List<Violation> violations = new ArrayList<>();
    for (Any detail : status.getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        info = detail.unpack(ErrorInfo.class);
      } else if (detail.is(BadRequest.class)) {
        detail.unpack(BadRequest.class).getFieldViolationsList().forEach(v -> violations.add(new Violation(v.getField(), v.getDescription())));
      } else if (detail.is(PreconditionFailure.class)) {
        detail.unpack(PreconditionFailure.class).getViolationsList()
            .forEach(v -> violations.add(new Violation((v.getType() + " " + v.getSubject()).strip(), v.getDescription())));
      } else if (detail.is(RetryInfo.class)) {
        var delay = detail.unpack(RetryInfo.class).getRetryDelay();
        retryAfter = Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
      }
    }
    if (info == null || !info.getDomain().equals("ibkr.orders.v1")) {
      return null;
    }
    return new OrderError(info.getReason(), message, violations, retryAfter, info.getMetadataMap(), cause);
  }

  /**
   * A stable word that the schema documents for each call (ORDER_INVALID, TWS_UNAVAILABLE, ORDER_STATE …), or {@link #GATEWAY_UNAVAILABLE}.
   *
   * @return the reason
   */
  public String reason() {
    return reason;
  }

  /**
   * Everything that is wrong with the order.
   *
   * @return the violations, empty where there are none
   */
  public List<Violation> violations() {
    return violations;
  }

  /**
   * When a retry makes sense.
   *
   * @return the time, where the gateway said one
   */
  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }

  /**
   * TWS's own code, where it spoke.
   *
   * @return the code
   */
  public OptionalInt twsCode() {
    String code = metadata.getOrDefault("twsCode", "");
    return code.matches("-?\\d{1,9}") ? OptionalInt.of(Integer.parseInt(code)) : OptionalInt.empty();
  }

  /**
   * Whether it is certain that the call changed nothing.
   *
   * @return false where nobody answered, and for a defect of the gateway
   */
  public boolean outcomeIsKnown() {
    return !reason.equals(GATEWAY_UNAVAILABLE) && !reason.equals("INTERNAL");
  }

  Map<String, String> metadata() {
    return metadata;
  }
}
