"""Control of the simulated exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Optional

_SERVICE = "ibkr.simulator.v1.SimulatorControl"
# Longest wait for one call, in seconds: each returns when the thing is done.
_TIMEOUT = 10.0


@dataclass(frozen=True)
class SimulatedOrder:
    """An order as the exchange holds it; quantities and prices are decimal strings."""

    order_id: int
    client_id: int
    order_ref: str
    symbol: str
    action: str
    quantity: str
    filled: str
    limit_price: Optional[str]
    status: str
    transmitted: bool
    over: bool
    place_messages: int


class Exchange:
    """Says what the simulated exchange does. Every method returns when the thing is done: what TWS says about it is on its way to the
    gateway. Orders are named by the gateway's order id."""

    def __init__(self, address: str) -> None:
        import grpc

        self.address = address
        self._channel = grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)])

    def close(self) -> None:
        self._channel.close()

    def explicit(self) -> None:
        """From now on orders are acknowledged, and nothing fills, expires or moves until you say so."""
        self._call("SetMode", mode="MODE_EXPLICIT")

    def automatic(self) -> None:
        """The market moves by itself again, and marketable orders fill at once."""
        self._call("SetMode", mode="MODE_AUTOMATIC")

    def fill(self, order_id: int, quantity: Optional[str] = None, price: Optional[str] = None) -> None:
        """Fills what is left of an order, or a quantity, at the price given, else at its limit or the market's price."""
        self._call("Fill", order=_order(order_id), quantity=quantity, price=price)

    def reject(self, order_id: int, code: Optional[int] = None, text: str = "") -> None:
        """Refuses an order that was taken before, with TWS's code (default 201) and text."""
        self._call("Reject", order=_order(order_id), code=code, text=text)

    def reject_next(self, code: Optional[int] = None, text: str = "") -> None:
        """Refuses the next order that is transmitted."""
        self._call("RejectNext", code=code, text=text)

    def expire(self, order_id: int) -> None:
        """The exchange cancels a working order by itself."""
        self._call("Expire", order=_order(order_id))

    def hold(self, *, acknowledgements: bool = False, cancels: bool = False) -> None:
        """Withholds what TWS says about new orders, or about cancels; False lets go what was withheld."""
        self._call("Hold", acknowledgements=acknowledgements, cancels=cancels)

    def cut_link(self, *, stay_down: bool = False) -> None:
        """Breaks the gateway's connection to TWS; with `stay_down` until `restore_link`."""
        self._call("CutLink", stay_down=stay_down)

    def restore_link(self) -> None:
        """Lets the gateway connect to TWS again."""
        self._call("RestoreLink")

    def lose_ib(self) -> None:
        """TWS loses IB's servers (1100): the gateway refuses orders with IB_UNAVAILABLE."""
        self._call("LoseIb")

    def restore_ib(self, *, data_lost: bool = False) -> None:
        """TWS has IB's servers back (1102, or 1101 with `data_lost`)."""
        self._call("RestoreIb", data_lost=data_lost)

    def move_price(self, symbol: str, price: str) -> None:
        """Moves a symbol's price; orders that it reaches fill, in explicit mode too."""
        self._call("MovePrice", symbol=symbol, price=price)

    def set_position(self, symbol: str, quantity: str, average_cost: str = "", account: str = "") -> None:
        """Sets what an account (the first, unless named) holds of a symbol, as if it had been there; a quantity of "0" closes it."""
        self._call("SetPosition", account=account, symbol=symbol, quantity=quantity, average_cost=average_cost)

    def set_account_ready(self, ready: bool) -> None:
        """Says whether IB has the accounts ready; while not, account values are those of before."""
        self._call("SetAccountReady", ready=ready)

    def halt(self) -> None:
        """Halts the exchange: orders placed from now on wait as PRE_SUBMITTED."""
        self._call("HaltExchange")

    def resume(self) -> None:
        """Ends the halt."""
        self._call("ResumeExchange")

    def orders(self) -> List[SimulatedOrder]:
        """The orders that reached the exchange: open ones by age, then finished ones by when they ended."""
        return [
            SimulatedOrder(
                order_id=o.order_id,
                client_id=o.client_id,
                order_ref=o.order_ref,
                symbol=o.symbol,
                action=o.action,
                quantity=o.quantity,
                filled=o.filled,
                limit_price=o.limit_price if o.HasField("limit_price") else None,
                status=o.status,
                transmitted=o.transmitted,
                over=o.over,
                place_messages=o.place_messages,
            )
            for o in self._call("ListOrders").orders
        ]

    def _call(self, name: str, **fields: Any) -> Any:
        from .._pb import control_pb2

        request = getattr(control_pb2, f"{name}Request")(**{k: v for k, v in fields.items() if v is not None})
        answer = getattr(control_pb2, f"{name}Response")
        call = self._channel.unary_unary(
            f"/{_SERVICE}/{name}", request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString
        )
        return call(request, timeout=_TIMEOUT)


def _order(order_id: int) -> Any:
    from .._pb import control_pb2

    return control_pb2.OrderRef(order_id=order_id)
