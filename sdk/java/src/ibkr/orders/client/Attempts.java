package ibkr.orders.client;

import java.time.Duration;
import java.util.Set;
import java.util.function.Consumer;

/** The attempts of one call that may be made again. */
final class Attempts {
  /** A call's own deadline is this much later than the time it gives the gateway: the answer needs to arrive. */
  private static final Duration ANSWER = Duration.ofSeconds(2);
  private static final Duration PAUSE_MIN = Duration.ofMillis(100);
  private static final Duration PAUSE_MAX = Duration.ofSeconds(2);
  /** Refusals that another moment or another gateway lifts, and that promise that nothing was sent. */
  private static final Set<String> TRANSIENT = Set.of("SHUTTING_DOWN", "OVERLOADED", "STANDBY");

  private final long endNanos;
  private final Duration timeout;
  /** Of a call that makes or changes something, once under this id; else null. */
  private final String requestId;
  /** Whether the call may be made again although an earlier attempt may have done what it asks for. */
  private final boolean repeatable;
  private int made;
  private boolean unknown;

  /** Of a call that does nothing twice. */
  static Attempts of(Duration deadline, Duration timeout) {
    return new Attempts(deadline, timeout, null, true);
  }

  /** Of a call that does the same once under a request id. */
  static Attempts of(Duration deadline, Duration timeout, String requestId) {
    return new Attempts(deadline, timeout, requestId, true);
  }

  /** Of a call that must not be made again where it may have been done. */
  static Attempts once(Duration deadline, Duration timeout) {
    return new Attempts(deadline, timeout, null, false);
  }

  private Attempts(Duration deadline, Duration timeout, String requestId, boolean repeatable) {
    this.repeatable = repeatable;
    this.endNanos = System.nanoTime() + deadline.toNanos();
    this.timeout = timeout;
    this.requestId = requestId;
  }

  private Duration left() {
    return Duration.ofNanos(endNanos - System.nanoTime());
  }

  /** Deadline of the next attempt: so short that a lost answer leaves time for another. */
  Duration callTimeout() {
    made++;
    Duration most = timeout.plus(ANSWER);
    Duration left = left();
    return left.compareTo(most) < 0 ? left : most;
  }

  /** Waits until the next attempt. Throws where another cannot help or there is no time. */
  void after(OrderError error, Consumer<String> elsewhere) {
    boolean passes = TRANSIENT.contains(error.reason());
    if (!error.outcomeIsKnown()) {
      if (!repeatable) {
        throw error;
      }
      unknown = true;
    } else if (!passes && !(unknown && error.retryAfter().isPresent())) {
      // The same for the same request, whenever it arrives: it settles earlier attempts too.
      throw error;
    }
    if (passes || error.reason().equals(OrderError.GATEWAY_UNAVAILABLE)) {
      elsewhere.accept(error.metadata().get("leader"));
    }
    Duration wait = pause(made, error);
    if (left().compareTo(wait) <= 0) {
      if (unknown && requestId != null) {
        throw new OutcomeUnknown(requestId, error);
      }
      throw error;
    }
    sleep(wait);
  }

  static Duration pause(int attempt, OrderError error) {
    Duration wait = error.retryAfter().orElse(PAUSE_MIN.multipliedBy(1L << Math.min(Math.max(attempt - 1, 0), 10)));
    return wait.compareTo(PAUSE_MAX) < 0 ? wait : PAUSE_MAX;
  }

  static void sleep(Duration wait) {
    try {
      Thread.sleep(wait.toMillis());
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for the next attempt", interrupted);
    }
  }
}
