"""The fixtures as a user's own strategy test has them."""

from ibkr_orders import Client, Link, Order, OrderState
from ibkr_orders.testing import Exchange, SimulatedGateway


def test_a_partial_fill(ibkr_client: Client, ibkr_exchange: Exchange) -> None:
    ibkr_exchange.explicit()
    order = Order(action="BUY", symbol="AAPL", order_type="LMT", quantity="10", limit_price="230")
    placed = ibkr_client.place(order, transmit=True)
    ibkr_exchange.fill(placed.order_id, quantity="4", price="229.50")
    fill = next(e.fill for e in ibkr_client.watch(placed.order_id, after_sequence=placed.state.sequence) if e.fill)
    assert (fill.quantity, fill.price) == ("4", "229.5")


def test_a_broken_link_shows_and_heals(ibkr_gateway: SimulatedGateway) -> None:
    client, exchange = ibkr_gateway.client(), ibkr_gateway.exchange
    seen = []
    for event in client.watch(max_wait=30):
        if event.kind == "snapshot_end":
            exchange.cut_link()
        if event.link:
            seen.append(event.link.state)
            if event.link.state == Link.RECONCILED:
                break
    assert seen == [Link.LOST, Link.RESTORED, Link.RECONCILED]


def test_the_next_order_is_refused(ibkr_client: Client, ibkr_exchange: Exchange) -> None:
    ibkr_exchange.reject_next(code=201, text="Order rejected - reason:no")
    placed = ibkr_client.place(Order(action="SELL", symbol="AAPL", order_type="MKT", quantity="1"), transmit=True)
    assert placed.state.last_error_code == 201 and placed.state.terminal
    assert placed.state.status in (OrderState.REJECTED, OrderState.INACTIVE)
