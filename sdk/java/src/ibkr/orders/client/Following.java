package ibkr.orders.client;

import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.function.Supplier;

/**
 * A watch across the streams it needs. Not safe for several threads, but for {@link #close}.
 *
 * @param <M> a message of its streams
 * @param <E> what it shows
 */
abstract class Following<M, E> implements Iterator<E>, AutoCloseable {
  static final Duration HEARTBEAT = Duration.ofSeconds(1);
  private static final Duration OUTAGE_MAX = Duration.ofSeconds(60);
  /** A watch that ended with one of these goes on. */
  private static final Set<String> RESUMABLE =
      Set.of(OrderError.GATEWAY_UNAVAILABLE, "SHUTTING_DOWN", "LAGGED", "STANDBY", "STORE", "OVERLOADED", "INTERNAL");

  final Connections connections;
  private final Context.CancellableContext context = Context.ROOT.withCancellation();
  private Iterator<M> stream;
  private E next;
  private boolean ended;
  private int attempt;
  private long heardNanos = System.nanoTime();

  Following(Connections connections) {
    this.connections = connections;
  }

  /** Opens a stream where the watch stands. */
  abstract Iterator<M> open();

  /** What to show for a message, or null for nothing. */
  abstract E take(M message);

  /** What to show where the next stream goes on at once after an error, or null where it does not. */
  abstract E instead(OrderError error);

  /** Ends the watch. */
  @Override
  public void close() {
    context.cancel(null);
  }

  @Override
  public E next() {
    if (!hasNext()) {
      throw new NoSuchElementException("the watch has ended");
    }
    E event = next;
    next = null;
    return event;
  }

  @Override
  public boolean hasNext() {
    while (next == null && !ended) {
      try {
        M message = receive();
        if (message == null) {
          ended = true;
        } else {
          attempt = 0;
          heardNanos = System.nanoTime();
          next = take(message);
        }
      } catch (StatusRuntimeException failed) {
        stream = null;
        if (context.isCancelled()) {
          ended = true;
        } else {
          recover(OrderError.of(failed));
        }
      }
    }
    return next != null;
  }

  private M receive() {
    if (stream == null) {
      attempt++;
      stream = within(this::open);
    }
    return stream.hasNext() ? stream.next() : null;
  }

  private <T> T within(Supplier<T> opening) {
    Context before = context.attach();
    try {
      return opening.get();
    } finally {
      context.detach(before);
    }
  }

  /** Waits until the next stream, or throws where the watch cannot go on. */
  private void recover(OrderError error) {
    next = instead(error);
    if (next != null) {
      return;
    }
    Duration wait = Attempts.pause(attempt, error);
    Duration silent = Duration.ofNanos(System.nanoTime() - heardNanos);
    if (!RESUMABLE.contains(error.reason()) || silent.plus(wait).compareTo(OUTAGE_MAX) > 0) {
      throw error;
    }
    connections.elsewhere(error.metadata().get("leader"));
    Attempts.sleep(wait);
  }
}
