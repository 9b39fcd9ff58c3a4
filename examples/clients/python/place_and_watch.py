"""Places BUY 1 AAPL MKT through an ibkr-orders gateway and watches it to its end. See README.md for the commands.

ORDERS_SERVER (default http://127.0.0.1:50051) names the gateway, ORDERS_SERVER_CA a PEM file with the authority of an
https:// one, ORDERS_TOKEN a bearer token.
"""

import os
import sys
import time
import uuid
from pathlib import Path

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

import orders_pb2 as pb
from orders_pb2_grpc import OrderServiceStub

# The domain of the ErrorInfo that every status of a gateway carries. A status without one was made by a proxy or a gRPC library, whatever
# its code says: it promises nothing.
DOMAIN = "ibkr.orders.v1"
METADATA = [("authorization", "Bearer " + os.environ["ORDERS_TOKEN"])] if "ORDERS_TOKEN" in os.environ else []


def main():
    # Streams that nobody reads block other calls of their connection: a watch gets a connection of its own.
    with connect() as channel, connect() as watch_channel:
        orders, watches = OrderServiceStub(channel), OrderServiceStub(watch_channel)

        health = orders.Health(pb.HealthRequest(), timeout=10, metadata=METADATA)
        print(f"health: gateway {health.version}, connected {health.connected}, accounts {' '.join(health.accounts)}")
        expect(health.connected, f"the gateway cannot place orders: {health.error}")

        bad = pb.Order(action=pb.Order.BUY, symbol="AAPL", order_type=pb.Order.LMT, quantity="-1")
        checked = orders.Validate(pb.ValidateRequest(order=bad), timeout=5, metadata=METADATA)
        expect(not checked.valid, "an order without limit and with a negative quantity passed")
        for error in checked.errors:
            print(f"validate: {'.'.join(error.loc)}: {error.msg} ({error.type})")
        reason = refusal("place", lambda: orders.Place(pb.PlaceRequest(order=bad), timeout=10, metadata=METADATA))
        expect(reason == "ORDER_INVALID", "the invalid order was not refused as ORDER_INVALID")

        request = pb.PlaceRequest(
            order=pb.Order(action=pb.Order.BUY, symbol="AAPL", order_type=pb.Order.MKT, quantity="1"),
            transmit=True,
            request_id=f"python-{uuid.uuid4()}",
        )
        placed = place(orders, request)
        print(f"place: order {placed.order_id} is {status(placed.state)}, request {placed.request_id}")
        again = place(orders, request)
        expect(again.replayed and again.order_id == placed.order_id, "the same request made a second order")
        print(f"place again: still order {again.order_id}")

        end = watch(watches, placed.state)
        expect(end.status == pb.OrderState.FILLED, f"the order ended {status(end)}: {end.last_error}")

        other = pb.PlaceRequest()
        other.CopyFrom(request)
        other.order.quantity = "2"
        reason = refusal("place other order", lambda: place(orders, other))
        expect(reason == "REQUEST_ID_REUSED", "a request id was taken for another order")

        got = orders.Get(pb.GetRequest(placed_as=request.request_id), timeout=5, metadata=METADATA)
        print(
            f"done: order {got.order.order_id} {status(got.order)} at {got.order.avg_fill_price}, "
            f"{len(got.fills)} fill(s), commission {got.order.commission}"
        )


def connect():
    server = os.environ.get("ORDERS_SERVER", "http://127.0.0.1:50051")
    scheme, _, address = server.rpartition("://")
    # A channel of its own for each call of this function, not one shared behind the scenes.
    options = [("grpc.use_local_subchannel_pool", 1)]
    if scheme == "https":
        ca = Path(os.environ["ORDERS_SERVER_CA"]).read_bytes() if "ORDERS_SERVER_CA" in os.environ else None
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(ca), options)
    return grpc.insecure_channel(address, options)


def place(orders, request):
    """Repeats a Place whose outcome is not known, or that the gateway could not take now. That is safe because, and only because, it has
    a request id: the same request never makes a second order."""
    expect(request.request_id, "a place that may be repeated needs a request id")
    for attempt in range(1, 6):
        try:
            return orders.Place(request, timeout=10, metadata=METADATA)
        except grpc.RpcError as error:
            known = reason_of(error) not in ("", "INTERNAL")
            if attempt == 5 or (known and error.code() != grpc.StatusCode.UNAVAILABLE):
                raise
            time.sleep(0.2 * 2**attempt)


def watch(orders, placed):
    """Follows an order from what Place answered to its end. A stream that breaks is opened again after the last sequence
    seen, so each event shows once. The first stream is broken here on purpose."""
    cursor, last = placed.sequence, placed
    for attempt in range(1, 6):
        request = pb.WatchRequest(order_id=placed.order_id, after_sequence=cursor)
        request.max_wait.FromSeconds(60)
        stream = orders.Watch(request, metadata=METADATA)
        try:
            for response in stream:
                cursor = response.sequence
                if response.HasField("order"):
                    last = response.order
                print(f"watch: {describe(response)}")
                if attempt == 1:
                    print(f"watch: breaking the stream, to go on after {cursor}")
                    stream.cancel()
            return last  # the server ended it: the order has ended
        except grpc.RpcError as error:
            if reason_of(error) and error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            time.sleep(0.1 * attempt)
    raise RuntimeError(f"the watch of order {placed.order_id} broke five times")


def describe(response):
    kind = response.WhichOneof("event")
    if kind == "order":
        order = response.order
        return f"{response.sequence} {status(order)}, filled {order.filled} of {order.quantity}"
    if kind == "fill":
        return f"{response.sequence} fill of {response.fill.quantity} at {response.fill.price}"
    if kind == "link":
        return f"{response.sequence} link: {response.link.text}"
    return f"{response.sequence} {kind}"


def status(order):
    return pb.OrderState.Status.Name(order.status)


def reason_of(error):
    """The gateway's reason; empty for a status that no gateway made."""
    rich = rpc_status.from_call(error)
    for detail in rich.details if rich else []:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.domain == DOMAIN:
            return info.reason
    return ""


def refusal(what, call):
    """Makes a call that must fail, says what its status carries and answers its reason."""
    try:
        call()
    except grpc.RpcError as error:
        info, violations = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        rich = rpc_status.from_call(error)
        for detail in rich.details if rich else []:
            _ = detail.Unpack(info) or detail.Unpack(violations)
        print(f"{what}: {error.code().name} {info.reason}: {error.details()}")
        for violation in violations.field_violations:
            print(f"  {violation.field}: {violation.description}")
        return info.reason
    raise RuntimeError(f"{what}: a call that must fail succeeded")


def expect(condition, otherwise):
    if not condition:
        raise RuntimeError(otherwise)


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        sys.exit(f"failed: {error}")
