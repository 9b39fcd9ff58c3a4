"""The conformance list (sdk/conformance/README.md), blocking client."""

import threading
from typing import List

import pytest
from conftest import World

from ibkr_orders import Client, Event, Order, OrderError, OrderState, OutcomeUnknown


def limit(quantity: str = "10", price: str = "200") -> Order:
    return Order(action="BUY", symbol="AAPL", order_type="LMT", quantity=quantity, limit_price=price)


def test_a_refused_order_says_why(client: Client, world: World) -> None:
    with pytest.raises(OrderError) as refused:
        client.place(Order(action="BUY", symbol="AAPL", order_type="LMT", quantity="-1"), transmit=True)
    assert refused.value.reason == "ORDER_INVALID"
    assert {violation.field for violation in refused.value.violations} >= {"quantity", "limit_price"}
    assert refused.value.outcome_is_known
    placed = client.place(Order(action="BUY", symbol="NOSUCHSYMBOL", order_type="MKT", quantity="1"), transmit=True)
    assert placed.state.status == OrderState.REJECTED and placed.state.last_error_code == 200


def test_a_replayed_answer_is_the_first_order(client: Client, world: World) -> None:
    seen: List[str] = []
    first = client.place(limit(), transmit=True, on_request_id=seen.append)
    again = client.place(limit(), transmit=True, request_id=first.request_id)
    assert seen == [first.request_id]
    assert (again.order_id, again.replayed, first.replayed) == (first.order_id, True, False)
    with pytest.raises(OrderError) as reused:
        client.place(limit(quantity="11"), transmit=True, request_id=first.request_id)
    assert reused.value.reason == "REQUEST_ID_REUSED"
    assert len(world.orders_of(first.request_id)) == 1


def test_a_lost_answer_is_asked_for_again_and_makes_no_second_order(world: World) -> None:
    lost = world.tell("lost")
    with Client(world.proxy) as client:
        world.tell("lose", answers=1)
        placed = client.place(limit(), transmit=True)
    assert world.tell("lost") == lost + 1
    assert placed.replayed
    [order] = world.orders_of(placed.request_id)
    assert order["place_messages"] == 1


def test_an_unknown_outcome_has_the_request_id_that_finds_the_order(client: Client, world: World) -> None:
    with Client(world.proxy) as unlucky:
        world.tell("lose", answers=-1)
        with pytest.raises(OutcomeUnknown) as unknown:
            unlucky.place(limit(), transmit=True, deadline=3)
    request_id = unknown.value.request_id
    [order] = world.orders_of(request_id)
    assert order["place_messages"] == 1
    assert client.get(placed_as=request_id).order.order_id == order["order_id"]


def test_a_watch_goes_on_across_a_killed_gateway(client: Client, world: World) -> None:
    placed = client.place(limit(), transmit=True)
    events: List[Event] = []
    watching, filled_part = threading.Event(), threading.Event()

    def watch() -> None:
        for event in client.watch(placed.order_id, outage_max=60):
            events.append(event)
            if event.kind == "snapshot_end":
                watching.set()
            if event.fill:
                filled_part.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert watching.wait(30)
    world.tell("fill", order_id=placed.order_id, quantity="3", price="199")
    assert filled_part.wait(30)
    world.tell("kill")
    world.tell("start")
    world.tell("fill", order_id=placed.order_id)
    watcher.join(60)
    assert not watcher.is_alive()
    assert [event.fill.quantity for event in events if event.fill] == ["3", "7"]
    stored = [event.sequence for event in events if event.kind in ("order", "fill")]
    assert stored == sorted(set(stored))
    orders = [event.order for event in events if event.order]
    assert orders[-1].status == OrderState.FILLED


def test_a_watch_that_is_not_read_for_a_while_misses_nothing(client: Client, world: World) -> None:
    world.tell("automatic")
    watch = client.watch()
    events = [next(watch)]
    ids = [client.place(Order(action="BUY", symbol="MSFT", order_type="MKT", quantity="1"), transmit=True).order_id for _ in range(200)]
    missing = set(ids)
    for event in watch:
        events.append(event)
        if event.order and event.order.status == OrderState.FILLED:
            missing.discard(event.order.order_id)
        if not missing:
            break
    fills = [event.fill.exec_id for event in events if event.fill and event.fill.order_id in ids]
    assert len(fills) == len(set(fills)) >= 200
    stored = [event.sequence for event in events if event.kind in ("order", "fill")]
    assert stored == sorted(set(stored))


def test_while_the_exchange_is_halted_an_order_waits(client: Client, world: World) -> None:
    world.tell("halt")
    placed = client.place(limit(), transmit=True)
    assert placed.state.status == OrderState.PRE_SUBMITTED
    world.tell("resume")
    for event in client.watch(placed.order_id, max_wait=30):
        if event.order and event.order.status == OrderState.SUBMITTED:
            break
    cancelled = client.cancel(placed.order_id)
    assert cancelled.status == OrderState.CANCELLED
