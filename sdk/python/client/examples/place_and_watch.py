"""Buys one share and prints what happens to the order until it ends. ORDERS_SERVER names the gateway."""

from ibkr_orders import Client, Order, status_name

with Client.from_env() as client:
    placed = client.place(Order(action="BUY", symbol="AAPL", order_type="MKT", quantity="1"), transmit=True)
    for event in client.watch(placed.order_id):
        if event.order:
            print(event.sequence, status_name(event.order), event.order.filled, event.order.avg_fill_price)
