"""Two gateways behind one name, chosen by the header x-ib-account."""

import signal
import time

import stubs
from gateway import Gateway, Simulator, wait_until
from orders import CALL_SECONDS, error_of, every_order, market, place, place_until_answered, reason, request, resting, stored, watch, watch_to_end
from proxies import Envoy, HAProxy, Nginx
from stubs import grpc, pb

FIRST = {"metadata": (("x-ib-account", "DU1234567"),)}
SECOND = {"metadata": (("x-ib-account", "DU7654321"),)}
NOBODY = {"metadata": (("x-ib-account", "DU0000000"),)}


def check_two_gateways(bench, start_proxy):
    towards = [bench.until_end(Simulator(bench.room(name))) for name in ("tws-1", "tws-2")]
    first = bench.until_end(Gateway(bench.room("gateway-1"), towards[0].port, IB_CLIENT_ID=11).start())
    # A store's sequences begin at the second it was made in; a cursor of one must not fit the other by chance.
    time.sleep(1.1)
    second = bench.until_end(Gateway(bench.room("gateway-2"), towards[1].port, IB_CLIENT_ID=12).start())
    proxy = bench.until_end(start_proxy({50051: first.port, 50061: second.port}))
    orders = bench.enter(stubs.connect(proxy.address))
    watches = bench.enter(stubs.connect(proxy.address))

    # Orders go to the right one.
    assert orders.Health(pb.HealthRequest(), timeout=CALL_SECONDS, **FIRST).client_id == 11
    assert orders.Health(pb.HealthRequest(), timeout=CALL_SECONDS, **SECOND).client_id == 12
    mine = [place(orders, request(market(), request_id=f"first-{n}"), **FIRST) for n in range(3)]
    theirs = [place(orders, request(market(symbol="MSFT"), request_id=f"second-{n}"), **SECOND) for n in range(2)]
    assert {order.request_id for order in every_order(orders, **FIRST)} == {"first-0", "first-1", "first-2"}
    assert {order.request_id for order in every_order(orders, **SECOND)} == {"second-0", "second-1"}
    for nobody in (NOBODY, {}):
        refused = error_of(lambda call=nobody: place(orders, request(market()), **call))
        assert refused.code() == grpc.StatusCode.PERMISSION_DENIED, refused

    # Watches resume through it, each in its own store.
    for placed, account in ((mine[0], FIRST), (theirs[0], SECOND)):
        events = watch_to_end(watches, placed.order_id, **account)
        rest = watch_to_end(watches, placed.order_id, events[0].sequence, **account)
        assert stored(rest) == [sequence for sequence in stored(events) if sequence > events[0].sequence]
    lost = error_of(lambda: watch_to_end(watches, 0, theirs[1].state.sequence, **FIRST))
    assert (lost.code(), reason(lost)) == (grpc.StatusCode.OUT_OF_RANGE, "SEQUENCE"), lost

    # One going down does not touch the other.
    open_first = place(orders, request(resting()), **FIRST)
    open_second = place(orders, request(resting()), **SECOND)
    cursor = open_first.state.sequence
    stays = watch(watches, open_second.order_id, open_second.state.sequence, poll=0.2, timeout=60, **SECOND)
    breaks = watch(watches, open_first.order_id, cursor, poll=0.2, timeout=60, **FIRST)
    next(stays), next(breaks)
    first.stop(signal.SIGKILL)
    broken = error_of(lambda: list(breaks))
    # A gateway that died in the middle of a stream: each proxy and library has another code for it, none has the gateway's ErrorInfo.
    assert reason(broken) is None, broken
    assert error_of(lambda: place(orders, request(market()), **FIRST)).code() == grpc.StatusCode.UNAVAILABLE
    for _ in range(20):
        assert place(orders, request(market()), **SECOND).submitted
        assert next(stays).WhichOneof("event") == "heartbeat"

    # And when it is back, the broken watch goes on where it was.
    first.start()
    place_until_answered(orders, request(market()), **FIRST)
    cancelled = wait_until(lambda: cancel(orders, open_first.order_id), "the order is cancelled")
    assert cancelled.status == pb.OrderState.CANCELLED
    later = watch_to_end(watches, open_first.order_id, cursor, **FIRST)
    assert stored(later) and min(stored(later)) > cursor and stored(later) == sorted(set(stored(later)))
    assert [event.order.status for event in later if event.HasField("order")][-1] == pb.OrderState.CANCELLED
    stays.cancel()


def cancel(orders, order_id):
    try:
        return orders.Cancel(pb.CancelRequest(order_id=order_id), timeout=CALL_SECONDS, **FIRST).order
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.UNAVAILABLE:
            raise
        return None


def test_two_gateways_behind_envoy_are_told_apart_by_account_and_fail_apart(bench):
    check_two_gateways(bench, lambda ports: Envoy(bench.room("envoy"), "accounts.yaml", ports))


def test_two_gateways_behind_nginx_are_told_apart_by_account_and_fail_apart(bench):
    check_two_gateways(bench, lambda ports: Nginx(bench.room("nginx"), ports))


def test_two_gateways_behind_haproxy_are_told_apart_by_account_and_fail_apart(bench):
    check_two_gateways(bench, lambda ports: HAProxy(bench.room("haproxy"), ports))
