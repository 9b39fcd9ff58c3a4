/**
 * Calls ibkr-orders, the order gateway for Interactive Brokers.
 *
 * <p>{@link ibkr.orders.client.Client} places an order at most once and says what is not known; {@link ibkr.orders.client.Watch} shows each
 * event once, across broken streams.
 */
package ibkr.orders.client;
