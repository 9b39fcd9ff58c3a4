package ibkr.orders.client;

import ibkr.orders.v1.WatchRequest;
import ibkr.orders.v1.WatchResponse;
import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;

/**
 * What happens, each event once, across the streams it needs. Ends with its order. Not safe for several threads, but for {@link #close}.
 *
 * <p>{@link #hasNext} throws {@link OrderError} where the watch cannot go on.
 */
public final class Watch implements Iterator<Event>, AutoCloseable {
  private static final Duration HEARTBEAT = Duration.ofSeconds(1);
  private static final Duration OUTAGE_MAX = Duration.ofSeconds(60);
  /** Execution ids that are remembered, the oldest forgotten first. */
  private static final int EXEC_IDS_MAX = 100_000;
  /** A watch that ended with one of these goes on after the last sequence seen. */
  private static final Set<String> RESUMABLE =
      Set.of(OrderError.GATEWAY_UNAVAILABLE, "SHUTTING_DOWN", "LAGGED", "STANDBY", "STORE", "OVERLOADED", "INTERNAL");

  private final Client client;
  private final int orderId;
  private final Context.CancellableContext context = Context.ROOT.withCancellation();
  private final Set<String> execIds = Collections.newSetFromMap(new LinkedHashMap<>() {
    private static final long serialVersionUID = 1;

    @Override
    protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
      return size() > EXEC_IDS_MAX;
    }
  });
  private long sequence;
  private Iterator<WatchResponse> stream;
  private Event next;
  private boolean ended;
  private int attempt;
  private long heardNanos = System.nanoTime();

  Watch(Client client, int orderId, long afterSequence) {
    this.client = client;
    this.orderId = orderId;
    this.sequence = afterSequence;
  }

  /** Ends the watch. */
  @Override
  public void close() {
    context.cancel(null);
  }

  @Override
  public Event next() {
    if (!hasNext()) {
      throw new NoSuchElementException("the watch has ended");
    }
    Event event = next;
    next = null;
    return event;
  }

  @Override
  public boolean hasNext() {
    while (next == null && !ended) {
      try {
        WatchResponse response = receive();
        if (response == null) {
          ended = true;
        } else {
          attempt = 0;
          heardNanos = System.nanoTime();
          next = take(response);
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

  private WatchResponse receive() {
    if (stream == null) {
      attempt++;
      var request = WatchRequest.newBuilder().setOrderId(orderId).setAfterSequence(sequence).setPollInterval(Client.seconds(HEARTBEAT)).build();
      Context before = context.attach();
      try {
        stream = client.watches().watch(request);
      } finally {
        context.detach(before);
      }
    }
    return stream.hasNext() ? stream.next() : null;
  }

  /** Waits until the next stream, or throws where the watch cannot go on. */
  private void recover(OrderError error) {
    String resume = error.metadata().getOrDefault("resumeAfter", "");
    if (error.reason().equals("SEQUENCE") && resume.matches("\\d+")) {
      sequence = Long.parseUnsignedLong(resume);
      next = new Event(sequence, WatchResponse.getDefaultInstance(), true);
      return;
    }
    Duration wait = Attempts.pause(attempt, error);
    Duration silent = Duration.ofNanos(System.nanoTime() - heardNanos);
    if (!RESUMABLE.contains(error.reason()) || silent.plus(wait).compareTo(OUTAGE_MAX) > 0) {
      throw error;
    }
    client.elsewhere(error.metadata().get("leader"));
    Attempts.sleep(wait);
  }

  /** The event of a message, or null for one that was shown before. */
  private Event take(WatchResponse response) {
    // Orders and fills have sequences of their own, in rising order, those of the current state included. Other events carry that of the last one
    // delivered.
    boolean newer = Long.compareUnsigned(response.getSequence(), sequence) > 0;
    if ((response.hasOrder() || response.hasFill()) && !newer) {
      return null;
    }
    if (newer) {
      sequence = response.getSequence();
    }
    if (response.hasFill() && !execIds.add(response.getFill().getExecId())) {
      return null;
    }
    return new Event(response.getSequence(), response, false);
  }
}
