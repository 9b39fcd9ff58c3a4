"""A gateway and the exchange behind it, for your own tests: real programs on free ports, and control of what the exchange does.

    def test_my_strategy(ibkr_exchange, ibkr_client):       # fixtures of the pytest plugin that comes with this package
        ibkr_exchange.explicit()
        placed = ibkr_client.place(Order(action="BUY", symbol="AAPL", order_type="MKT", quantity="10"), transmit=True)
        ibkr_exchange.fill(placed.order_id, price="229.50")

Without pytest: `with SimulatedGateway() as gateway: gateway.client().place(…)`. The program is found as `program()` says; the
distribution `ibkr-orders` brings it.
"""

from ._exchange import Exchange, SimulatedOrder
from ._gateway import SimulatedGateway, program

__all__ = ["Exchange", "SimulatedGateway", "SimulatedOrder", "program"]
