package ibkr.orders.client;

import ibkr.orders.v1.WatchAccountRequest;
import ibkr.orders.v1.WatchAccountResponse;
import java.util.Iterator;

/**
 * Positions and values as they change. A stream that breaks is opened again and begins with all there is. Not safe for several threads, but for
 * {@link #close}.
 *
 * <p>{@link #hasNext} throws {@link OrderError} where the watch cannot go on.
 */
public final class AccountWatch extends Following<WatchAccountResponse, WatchAccountResponse> {
  private final WatchAccountRequest request;

  AccountWatch(Connections connections, String account) {
    super(connections);
    this.request = WatchAccountRequest.newBuilder().setAccount(account).setPollInterval(Client.seconds(HEARTBEAT)).build();
  }

  @Override
  Iterator<WatchAccountResponse> open() {
    return connections.accountWatches().watchAccount(request);
  }

  @Override
  WatchAccountResponse take(WatchAccountResponse message) {
    return message;
  }

  @Override
  WatchAccountResponse instead(OrderError error) {
    return null;
  }
}
