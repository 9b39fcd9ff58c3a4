"""The conformance list (sdk/conformance/README.md), blocking client."""

import threading
from typing import List

import pytest
from conftest import World

from ibkr_orders import (
    Client,
    Event,
    Order,
    OrderError,
    OrderState,
    OutcomeUnknown,
    Replacement,
    StopLoss,
    TakeProfit,
    TradingState,
)


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


def test_a_bracket_is_placed_once_and_followed_as_one(client: Client, world: World) -> None:
    with pytest.raises(OrderError) as wrong:
        client.place_bracket(limit(), stop_loss=StopLoss(stop_price="210"))
    assert wrong.value.reason == "ORDER_INVALID"
    assert [violation.field for violation in wrong.value.violations] == ["stop_loss.stop_price"]
    with Client(world.proxy) as unlucky:
        world.tell("lose", answers=1)
        placed = unlucky.place_bracket(limit(), take_profit=TakeProfit(limit_price="220"), stop_loss=StopLoss(stop_price="190"))
    assert placed.replayed and len(world.orders_of(placed.request_id)) == 1
    ids = [placed.entry.order_id, placed.take_profit.order_id, placed.stop_loss.order_id]
    assert [order.order_id for order in client.list(bracket_id=ids[0])] == ids[::-1]
    world.tell("fill", order_id=ids[0])
    ended = set()
    for event in client.watch(placed_as=placed.request_id, with_family=True, max_wait=30):
        if event.order and event.order.order_id == ids[0] and event.order.status == OrderState.FILLED:
            with pytest.raises(OrderError) as refused:
                client.cancel(ids[1])
            assert refused.value.reason == "ORDER_STATE"
            client.cancel(ids[1], with_sibling=True)
        if event.order and event.order.terminal:
            ended.add(event.order.order_id)
    assert ended == set(ids)
    assert [leg.order_id for leg in client.get(ids[0]).legs] == ids[1:]


def test_a_lost_answer_to_a_replace_changes_the_order_once(client: Client, world: World) -> None:
    placed = client.place(limit(), transmit=True)
    with Client(world.proxy) as unlucky:
        world.tell("lose", answers=1)
        replaced = unlucky.replace(placed.order_id, quantity="12", limit_price="201.5", expected_revision=1)
    assert replaced.replayed and replaced.order.replacement.status == Replacement.ACCEPTED
    assert (replaced.order.quantity, replaced.order.limit_price, replaced.order.terms_revision) == ("12", "201.5", 2)
    [order] = world.orders_of(placed.request_id)
    assert order["place_messages"] == 2
    with pytest.raises(OrderError) as changed:
        client.replace(placed.order_id, tif="GTC", expected_revision=1)
    assert changed.value.reason == "ORDER_CHANGED"
    assert client.cancel(placed.order_id).status == OrderState.CANCELLED


def test_a_preview_places_nothing(client: Client, world: World) -> None:
    before = world.tell("orders")
    previewed = client.preview(limit())
    assert previewed.accepted and previewed.after.initial and previewed.margin_currency
    assert world.tell("orders") == before


def test_positions_and_values_follow_a_fill(client: Client, world: World) -> None:
    def held() -> float:
        found = client.list_positions()
        assert not found.stale
        return sum(float(position.quantity) for position in found.positions if position.symbol == "IBM")

    before = held()
    order = Order(action="BUY", symbol="IBM", order_type="LMT", quantity="3", limit_price="300")
    placed = client.place(order, transmit=True)
    shown = client.watch_account(max_wait=30)
    for update in shown:
        if update.HasField("snapshot_end"):
            world.tell("fill", order_id=placed.order_id)
        if update.HasField("position") and update.position.symbol == "IBM" and float(update.position.quantity) == before + 3:
            break
    assert held() == before + 3
    account = client.get_account()
    assert account.account and {"NetLiquidation", "BuyingPower"} <= {value.name for value in account.values}


def test_halted_nothing_is_placed_and_cancel_all_leaves_nothing_open(client: Client, world: World) -> None:
    placed = client.place(limit(), transmit=True)
    halted = client.halt("conformance")
    assert halted.state == TradingState.CANCEL_ONLY and halted.persisted
    with pytest.raises(OrderError) as refused:
        client.place(limit(), transmit=True)
    assert refused.value.reason == "HALTED"
    assert [halt.reason for halt in client.limits().halts] == ["conformance"]
    results = client.cancel_all().results
    assert placed.order_id in [result.order_id for result in results if result.status == OrderState.CANCELLED]
    assert client.resume().state == TradingState.ACTIVE
    assert not client.cancel_all().results
