package ibkr.orders.client;

import ibkr.orders.v1.WatchRequest;
import ibkr.orders.v1.WatchResponse;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * What happens, each event once, across the streams it needs. Ends with its order. Not safe for several threads, but for {@link #close}.
 *
 * <p>{@link #hasNext} throws {@link OrderError} where the watch cannot go on.
 */
public final class Watch extends Following<WatchResponse, Event> {
  /** Execution ids that are remembered, the oldest forgotten first. */
  private static final int EXEC_IDS_MAX = 100_000;

  private final WatchRequest request;
  private final Set<String> execIds = Collections.newSetFromMap(new LinkedHashMap<>() {
    private static final long serialVersionUID = 1;

    @Override
    protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
      return size() > EXEC_IDS_MAX;
    }
  });
  private long sequence;

  Watch(Connections connections, WatchRequest request) {
    super(connections);
    this.request = request.hasPollInterval() ? request : request.toBuilder().setPollInterval(Client.seconds(HEARTBEAT)).build();
    this.sequence = request.getAfterSequence();
  }

  @Override
  Iterator<WatchResponse> open() {
    return connections.orderWatches().watch(request.toBuilder().setAfterSequence(sequence).build());
  }

  @Override
  Event instead(OrderError error) {
    String resume = error.metadata().getOrDefault("resumeAfter", "");
    if (!error.reason().equals("SEQUENCE") || !resume.matches("\\d+")) {
      return null;
    }
    sequence = Long.parseUnsignedLong(resume);
    return new Event(sequence, WatchResponse.getDefaultInstance(), true);
  }

  /** The event of a message, or null for one that was shown before. */
  @Override
  Event take(WatchResponse response) {
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
