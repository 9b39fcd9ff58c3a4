"""The conformance list where asyncio makes a difference."""

import asyncio
from typing import List

import pytest
from conftest import World

from ibkr_orders import Event, Order, OrderError, OrderState, OutcomeUnknown, Replacement, StopLoss, TakeProfit, TradingState
from ibkr_orders.aio import Client

pytestmark = pytest.mark.asyncio


def limit(quantity: str = "10") -> Order:
    return Order(action="BUY", symbol="AAPL", order_type="LMT", quantity=quantity, limit_price="200")


async def test_a_refused_and_a_replayed_order(world: World) -> None:
    async with Client(world.server) as client:
        with pytest.raises(OrderError) as refused:
            await client.place(limit(quantity="0"), transmit=True)
        assert refused.value.reason == "ORDER_INVALID" and refused.value.violations
        first = await client.place(limit(), transmit=True)
        again = await client.place(limit(), transmit=True, request_id=first.request_id)
        assert (again.order_id, again.replayed) == (first.order_id, True)
        listed = [order.order_id async for order in client.list(symbol="AAPL", statuses=["SUBMITTED"], page_size=1)]
        assert first.order_id in listed


async def test_lost_answers_and_an_unknown_outcome(world: World) -> None:
    async with Client(world.proxy) as client:
        world.tell("lose", answers=1)
        placed = await client.place(limit(), transmit=True)
        assert placed.replayed and len(world.orders_of(placed.request_id)) == 1
        world.tell("lose", answers=-1)
        with pytest.raises(OutcomeUnknown) as unknown:
            await client.place(limit(), transmit=True, deadline=3)
    assert len(world.orders_of(unknown.value.request_id)) == 1


async def test_a_watch_goes_on_across_a_killed_gateway(world: World) -> None:
    async with Client(world.server) as client:
        placed = await client.place(limit(), transmit=True)
        events: List[Event] = []
        watching, part = asyncio.Event(), asyncio.Event()

        async def watch() -> None:
            async for event in client.watch(placed.order_id):
                events.append(event)
                if event.kind == "snapshot_end":
                    watching.set()
                if event.fill:
                    part.set()

        task = asyncio.create_task(watch())
        await asyncio.wait_for(watching.wait(), 30)
        await asyncio.to_thread(world.tell, "fill", order_id=placed.order_id, quantity="3")
        await asyncio.wait_for(part.wait(), 30)
        await asyncio.to_thread(world.tell, "kill")
        await asyncio.to_thread(world.tell, "start")
        await asyncio.to_thread(world.tell, "fill", order_id=placed.order_id)
        await asyncio.wait_for(task, 60)
    assert [event.fill.quantity for event in events if event.fill] == ["3", "7"]
    assert [event.order for event in events if event.order][-1].status == OrderState.FILLED


async def test_a_bracket_a_replace_and_the_stop_button(world: World) -> None:
    async with Client(world.server) as client:
        placed = await client.place_bracket(limit(), take_profit=TakeProfit(limit_price="220"), stop_loss=StopLoss(stop_price="190"))
        legs = [placed.take_profit.order_id, placed.stop_loss.order_id]
        replaced = await client.replace(placed.entry.order_id, limit_price="201")
        assert replaced.order.replacement.status == Replacement.ACCEPTED
        assert [leg.order_id for leg in (await client.get(placed.entry.order_id)).legs] == legs
        assert (await client.halt("asyncio")).state == TradingState.CANCEL_ONLY
        with pytest.raises(OrderError) as refused:
            await client.place(limit(), transmit=True)
        assert refused.value.reason == "HALTED"
        assert (await client.resume()).state == TradingState.ACTIVE
        await client.cancel(placed.entry.order_id)
        ended = {
            event.order.order_id
            async for event in client.watch(placed.entry.order_id, with_family=True, max_wait=30)
            if event.order and event.order.terminal
        }
        assert ended == {placed.entry.order_id, *legs}
        assert (await client.get_account()).account == replaced.order.account
        async for update in client.watch_account(max_wait=30):
            if update.HasField("snapshot_end"):
                break
