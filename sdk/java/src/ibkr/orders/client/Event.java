package ibkr.orders.client;

import ibkr.orders.v1.WatchResponse;

/**
 * One event of a watch.
 *
 * @param sequence a cursor for a later watch
 * @param message what happened; for a changed history the default message
 * @param historyChanged another gateway took over, and what was shown after {@code sequence} may not have happened in its history
 */
public record Event(long sequence, WatchResponse message, boolean historyChanged) {}
