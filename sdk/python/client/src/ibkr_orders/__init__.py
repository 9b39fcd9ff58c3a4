"""Client of ibkr-orders, the order gateway for Interactive Brokers.

    from ibkr_orders import Client, Order

    with Client("http://127.0.0.1:50051") as client:
        placed = client.place(Order(action="BUY", symbol="AAPL", order_type="MKT", quantity="1"), transmit=True)
        for event in client.watch(placed.order_id):
            if event.fill:
                print(event.fill.quantity, "at", event.fill.price)

`Client` blocks, `ibkr_orders.aio.Client` awaits; both have the same methods. Messages are those of `proto/orders.proto`: quantities and
prices are decimal strings, enum values are constants of their message (`OrderState.FILLED`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._client import Client
    from ._errors import IbkrOrdersError, OrderError, OutcomeUnknown, Violation
    from ._events import Event, HistoryChanged
    from ._pb.orders_pb2 import (
        Fill,
        GetAccountResponse,
        GetLimitsResponse,
        GetResponse,
        HealthResponse,
        Link,
        ListPositionsResponse,
        Order,
        OrderState,
        PlaceBracketResponse,
        PlaceResponse,
        Position,
        PreviewResponse,
        ReplaceResponse,
        Replacement,
        StopLoss,
        TakeProfit,
        TradingState,
        ValidateResponse,
        WatchAccountResponse,
    )

__all__ = [
    "Client",
    "Event",
    "Fill",
    "GetAccountResponse",
    "GetLimitsResponse",
    "GetResponse",
    "HealthResponse",
    "HistoryChanged",
    "IbkrOrdersError",
    "Link",
    "ListPositionsResponse",
    "Order",
    "OrderError",
    "OrderState",
    "OutcomeUnknown",
    "PlaceBracketResponse",
    "PlaceResponse",
    "Position",
    "PreviewResponse",
    "ReplaceResponse",
    "Replacement",
    "StopLoss",
    "TakeProfit",
    "TradingState",
    "ValidateResponse",
    "Violation",
    "WatchAccountResponse",
    "status_name",
]

__version__ = "0.1.0"


# Where each name lives. Imported when it is asked for: pytest loads this package for every test run of whoever installed it, and gRPC
# takes a while.
_HOMES = {
    "._client": ("Client",),
    "._errors": ("IbkrOrdersError", "OrderError", "OutcomeUnknown", "Violation"),
    "._events": ("Event", "HistoryChanged"),
    "._pb.orders_pb2": (
        "Fill",
        "GetAccountResponse",
        "GetLimitsResponse",
        "GetResponse",
        "HealthResponse",
        "Link",
        "ListPositionsResponse",
        "Order",
        "OrderState",
        "PlaceBracketResponse",
        "PlaceResponse",
        "Position",
        "PreviewResponse",
        "ReplaceResponse",
        "Replacement",
        "StopLoss",
        "TakeProfit",
        "TradingState",
        "ValidateResponse",
        "WatchAccountResponse",
    ),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(home, __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def status_name(state: "OrderState") -> str:
    """The word of an order's status, for example FILLED; the number as text for one that this version does not know."""
    value = state.DESCRIPTOR.enum_types_by_name["Status"].values_by_number.get(state.status)
    return value.name if value else str(state.status)
