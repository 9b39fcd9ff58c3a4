"""Orders as a backend places and watches them: what the tests of this directory share."""

import time
import uuid

from google.rpc import error_details_pb2
from grpc_status import rpc_status

from stubs import grpc, pb

# The longest that a call may take which is not about time.
CALL_SECONDS = 30


def market(quantity="1", symbol="AAPL"):
    return pb.Order(action=pb.Order.BUY, symbol=symbol, order_type=pb.Order.MKT, quantity=quantity)


def resting(symbol="AAPL"):
    """A limit far below any price: it stays."""
    return pb.Order(action=pb.Order.BUY, symbol=symbol, order_type=pb.Order.LMT, quantity="1", limit_price="1")


def request(order, **fields):
    fields.setdefault("request_id", f"outside-{uuid.uuid4()}")
    return pb.PlaceRequest(order=order, transmit=True, **fields)


def place(orders, placed, **call):
    return orders.Place(placed, timeout=CALL_SECONDS, **call)


def place_until_answered(orders, placed, seconds_max=90, **call):
    """Repeats the same request while its outcome is unknown. Answers the response and how many tries failed."""
    deadline, failures = time.monotonic() + seconds_max, 0
    while True:
        try:
            return place(orders, placed, **call), failures
        except grpc.RpcError as error:
            if not outcome_is_unknown(error) or time.monotonic() > deadline:
                raise
            failures += 1
            time.sleep(0.1)


def watch(orders, order_id, after=0, poll=1.0, **call):
    asked = pb.WatchRequest(order_id=order_id, after_sequence=after)
    asked.poll_interval.FromMilliseconds(int(poll * 1000))
    return orders.Watch(asked, **call)


def watch_to_end(orders, order_id, after=0, **call):
    """Every event of an order to its end, which must come within CALL_SECONDS."""
    return list(watch(orders, order_id, after, timeout=CALL_SECONDS, **call))


def stored(events):
    """The sequences of the events that are stored: orders and fills."""
    return [event.sequence for event in events if event.WhichOneof("event") in ("order", "fill")]


def every_order(orders, **call):
    """All stored orders, page by page."""
    token, found = "", []
    while True:
        page = orders.List(pb.ListRequest(page_size=500, page_token=token), timeout=CALL_SECONDS, **call)
        found += page.orders
        token = page.next_page_token
        if not token:
            return found


def error_of(call):
    """The error of a call that must fail."""
    try:
        result = call()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"a call that must fail answered {result}")


def outcome_is_unknown(error):
    """Whether a call may be repeated: no gateway made its status, or the gateway says that it does not know or could not take it now."""
    return reason(error) in (None, "INTERNAL") or error.code() == grpc.StatusCode.UNAVAILABLE


def reason(error):
    """The reason in an error's ErrorInfo, or None."""
    rich, info = rpc_status.from_call(error), error_details_pb2.ErrorInfo()
    return next((info.reason for detail in (rich.details if rich else []) if detail.Unpack(info)), None)
