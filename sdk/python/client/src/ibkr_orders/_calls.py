"""Every call of both clients, once: its arguments, its request, and what of its answer is handed out.

A function here is a method of `ibkr_orders.Client` and of `ibkr_orders.aio.Client`; what it returns is made by whichever client it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import update_wrapper
from inspect import Parameter, signature
from typing import Any, Callable, Generic, Iterable, List, Optional, TypeVar, Union

from ._pb import orders_pb2 as pb
from ._policy import Attempts, log, new_request_id, seconds

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
RequestIdHook = Callable[[str], None]
TimeInForce = Union["pb.Order.TimeInForce", str]
Action = Union["pb.Order.Action", str]


@dataclass(frozen=True)
class Call(Generic[T]):
    """A call that is to be made."""

    method: str
    request: Any
    attempts: Attempts
    # What of the answer is handed out.
    unwrap: Callable[[Any], T]


def as_method(method: F, call: Callable[..., Call[Any]]) -> F:
    """Gives a method the arguments and the words of the function that makes its call."""
    update_wrapper(method, call)
    own = signature(call)
    method.__signature__ = own.replace(  # type: ignore[attr-defined]
        parameters=[Parameter("self", Parameter.POSITIONAL_ONLY), *own.parameters.values()],
        return_annotation=str(own.return_annotation)[len("Call[") : -1],
    )
    return method


def _whole(response: T) -> T:
    return response


def refer(request: Any, order_id: Optional[int], placed_as: Optional[str]) -> None:
    """Names the order of a request: by its id, or by the request id it was placed under."""
    if (order_id is None) == (placed_as is None):
        raise ValueError("name the order by order_id or by placed_as")
    if order_id is not None:
        request.order_id = order_id
    else:
        request.placed_as = placed_as


def _named(request_id: Optional[str], on_request_id: Optional[RequestIdHook]) -> str:
    """The request id of a call, shown before the first byte leaves."""
    request_id = request_id or new_request_id()
    if on_request_id is not None:
        on_request_id(request_id)
    return request_id


def health(*, deadline: float = 10.0, timeout: float = 5.0) -> Call[pb.HealthResponse]:
    """Whether orders can be placed now, and why not."""
    request = pb.HealthRequest()
    seconds(request.timeout, timeout)
    return Call("Health", request, Attempts.start(deadline, timeout), _whole)


def validate(order: pb.Order, *, transmit: bool = False, deadline: float = 10.0) -> Call[pb.ValidateResponse]:
    """Checks an order; every violation is in `errors`."""
    request = pb.ValidateRequest(order=order, transmit=transmit)
    return Call("Validate", request, Attempts.start(deadline, deadline), _whole)


def place(
    order: pb.Order,
    *,
    transmit: bool = False,
    dry_run: bool = False,
    request_id: Optional[str] = None,
    on_request_id: Optional[RequestIdHook] = None,
    deadline: float = 15.0,
    timeout: float = 5.0,
) -> Call[pb.PlaceResponse]:
    """Places an order, once, and answers with the first thing TWS says about it. Without `transmit` it is staged in TWS.

    `request_id` names the request for good: the same id never makes a second order, in this process or another. Without one a
    new one is made; `on_request_id` is called with it before the first byte leaves, so that it can be kept. An attempt whose
    answer got lost is repeated under the id until `deadline` (seconds, for the whole call). `timeout` (seconds) is how long the gateway waits
    for TWS.

    Raises OrderError where the order was refused and nothing was sent, OutcomeUnknown(request_id) where the time is up
    and bytes may have left. So it is too for a task of asyncio that is cancelled meanwhile: keep the request id.
    """
    request_id = _named(request_id, on_request_id)
    log.info("place %s %s %s under request id %s", order.symbol, order.quantity, "at once" if transmit else "staged", request_id)
    request = pb.PlaceRequest(order=order, transmit=transmit, dry_run=dry_run, request_id=request_id)
    seconds(request.timeout, timeout)
    return Call("Place", request, Attempts.start(deadline, timeout, request_id), _whole)


def place_bracket(
    entry: pb.Order,
    *,
    take_profit: Optional[pb.TakeProfit] = None,
    stop_loss: Optional[pb.StopLoss] = None,
    dry_run: bool = False,
    request_id: Optional[str] = None,
    on_request_id: Optional[RequestIdHook] = None,
    deadline: float = 15.0,
    timeout: float = 5.0,
) -> Call[pb.PlaceBracketResponse]:
    """Places an entry with a take profit, a stop loss or both, all of them or none, once. Always transmitted.

    The answer has the three orders; the entry's `order_id` is their `bracket_id`. Request id, deadline and errors are as for `place`.
    """
    request_id = _named(request_id, on_request_id)
    log.info("place bracket %s %s under request id %s", entry.symbol, entry.quantity, request_id)
    request = pb.PlaceBracketRequest(
        entry=entry, take_profit=take_profit, stop_loss=stop_loss, dry_run=dry_run, request_id=request_id
    )
    seconds(request.timeout, timeout)
    return Call("PlaceBracket", request, Attempts.start(deadline, timeout, request_id), _whole)


def replace(
    order_id: Optional[int] = None,
    *,
    placed_as: Optional[str] = None,
    quantity: Optional[str] = None,
    limit_price: Optional[str] = None,
    stop_price: Optional[str] = None,
    trail_amount: Optional[str] = None,
    trail_percent: Optional[str] = None,
    limit_offset: Optional[str] = None,
    tif: Optional[TimeInForce] = None,
    expected_revision: Optional[int] = None,
    dry_run: bool = False,
    request_id: Optional[str] = None,
    on_request_id: Optional[RequestIdHook] = None,
    deadline: float = 15.0,
    timeout: float = 5.0,
) -> Call[pb.ReplaceResponse]:
    """Changes the terms of an order that TWS has; what is not given stays. Never makes a new order.

    `order.replacement` of the answer says what became of it. With `expected_revision` an order whose `terms_revision` is another is left
    alone (OrderError ORDER_CHANGED). Request id, deadline and errors are as for `place`: the same id never changes an order twice.
    """
    request_id = _named(request_id, on_request_id)
    log.info("replace %s under request id %s", placed_as if order_id is None else order_id, request_id)
    word: Any = tif
    request = pb.ReplaceRequest(
        quantity=quantity,
        limit_price=limit_price,
        stop_price=stop_price,
        trail_amount=trail_amount,
        trail_percent=trail_percent,
        limit_offset=limit_offset,
        tif=word,
        expected_revision=expected_revision,
        dry_run=dry_run,
        request_id=request_id,
    )
    refer(request, order_id, placed_as)
    seconds(request.timeout, timeout)
    return Call("Replace", request, Attempts.start(deadline, timeout, request_id), _whole)


def preview(order: pb.Order, *, deadline: float = 15.0, timeout: float = 5.0) -> Call[pb.PreviewResponse]:
    """What TWS would make of an order, with nothing placed: margins, commission, warnings. TWS would take it where `accepted`.

    IB asks for about one a minute, so an attempt whose answer got lost is not made again: that is OrderError GATEWAY_UNAVAILABLE.
    """
    request = pb.PreviewRequest(order=order)
    seconds(request.timeout, timeout)
    return Call("Preview", request, Attempts.start(deadline, timeout, repeatable=False), _whole)


def transmit(
    order_id: Optional[int] = None, *, placed_as: Optional[str] = None, deadline: float = 15.0, timeout: float = 5.0
) -> Call[pb.OrderState]:
    """Releases a staged order. Safe to repeat."""
    request = pb.TransmitRequest()
    refer(request, order_id, placed_as)
    seconds(request.timeout, timeout)
    return Call("Transmit", request, Attempts.start(deadline, timeout), _order)


def cancel(
    order_id: Optional[int] = None,
    *,
    placed_as: Optional[str] = None,
    with_sibling: bool = False,
    deadline: float = 15.0,
    timeout: float = 5.0,
) -> Call[pb.OrderState]:
    """Cancels an order and answers with TWS's verdict, or with the state as it is after `timeout`. Safe to repeat.

    An exit of a bracket whose other exit works is cancelled only `with_sibling`: TWS ends both.
    """
    request = pb.CancelRequest(with_sibling=with_sibling)
    refer(request, order_id, placed_as)
    seconds(request.timeout, timeout)
    return Call("Cancel", request, Attempts.start(deadline, timeout), _order)


def _order(response: Union[pb.TransmitResponse, pb.CancelResponse]) -> pb.OrderState:
    return response.order


def get_page(request: pb.GetRequest, deadline: float) -> Call[pb.GetResponse]:
    return Call("Get", request, Attempts.start(deadline, deadline), _whole)


def list_request(
    statuses: Iterable[Union["pb.OrderState.Status", str]], symbol: str, bracket_id: int, page_size: int
) -> pb.ListRequest:
    words: List[Any] = list(statuses)
    numbers: List[Any] = [pb.OrderState.Status.Value(word) if isinstance(word, str) else word for word in words]
    return pb.ListRequest(statuses=numbers, symbol=symbol, bracket_id=bracket_id, page_size=page_size)


def list_page(request: pb.ListRequest, deadline: float) -> Call[pb.ListResponse]:
    return Call("List", request, Attempts.start(deadline, deadline), _whole)


def list_positions(*, account: str = "", deadline: float = 10.0, timeout: float = 5.0) -> Call[pb.ListPositionsResponse]:
    """Positions as TWS last said them, of one account or of every one of the login. `stale`: they may be old."""
    request = pb.ListPositionsRequest(account=account)
    seconds(request.timeout, timeout)
    return Call("ListPositions", request, Attempts.start(deadline, timeout), _whole)


def get_account(account: str = "", *, deadline: float = 10.0, timeout: float = 5.0) -> Call[pb.GetAccountResponse]:
    """The values of an account as TWS last said them. Without a name: the gateway's IB_ACCOUNT, else the login's only one."""
    request = pb.GetAccountRequest(account=account)
    seconds(request.timeout, timeout)
    return Call("GetAccount", request, Attempts.start(deadline, timeout), _whole)


def limits(*, deadline: float = 10.0) -> Call[pb.GetLimitsResponse]:
    """The limits in force, what is left of them, and the halts."""
    return Call("GetLimits", pb.GetLimitsRequest(), Attempts.start(deadline, deadline), _whole)


def halt(
    reason: str = "",
    *,
    caller: str = "",
    account: str = "",
    cancel_open: bool = False,
    include_protective: bool = False,
    deadline: float = 15.0,
    timeout: float = 5.0,
) -> Call[pb.HaltResponse]:
    """Stops new orders of everybody, of one caller or for one account. Safe to repeat.

    With `cancel_open` open orders are cancelled too; exits of positions stay unless `include_protective`.
    """
    request = pb.HaltRequest(
        reason=reason, caller=caller, account=account, cancel_open=cancel_open, include_protective=include_protective
    )
    seconds(request.timeout, timeout)
    return Call("Halt", request, Attempts.start(deadline, timeout), _whole)


def resume(*, caller: str = "", account: str = "", deadline: float = 10.0) -> Call[pb.ResumeResponse]:
    """Lifts halts: every one, or those of a caller or for an account.

    An attempt whose answer got lost is not made again, because it would lift a halt that somebody else made meanwhile.
    """
    request = pb.ResumeRequest(caller=caller, account=account)
    return Call("Resume", request, Attempts.start(deadline, deadline, repeatable=False), _whole)


def cancel_all(
    *,
    account: str = "",
    symbol: str = "",
    action: Optional[Action] = None,
    include_protective: bool = False,
    unknown_orders: bool = False,
    deadline: float = 15.0,
    timeout: float = 5.0,
) -> Call[pb.CancelAllResponse]:
    """Cancels open orders one by one; exits of positions stay unless `include_protective`.

    An attempt whose answer got lost is not made again, because it would cancel what was placed meanwhile.
    """
    word: Any = action
    request = pb.CancelAllRequest(
        account=account,
        symbol=symbol,
        action=word,
        include_protective=include_protective,
        unknown_orders=unknown_orders,
    )
    seconds(request.timeout, timeout)
    return Call("CancelAll", request, Attempts.start(deadline, timeout, repeatable=False), _whole)

