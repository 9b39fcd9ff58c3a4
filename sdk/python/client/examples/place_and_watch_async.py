"""The same with asyncio."""

import asyncio

from ibkr_orders import Order, status_name
from ibkr_orders.aio import Client


async def main() -> None:
    async with Client.from_env() as client:
        placed = await client.place(Order(action="BUY", symbol="AAPL", order_type="MKT", quantity="1"), transmit=True)
        async for event in client.watch(placed.order_id):
            if event.order:
                print(event.sequence, status_name(event.order), event.order.filled, event.order.avg_fill_price)


asyncio.run(main())
