"""A gateway that is told to stop while backends place orders and watch through Envoy."""

import signal
import threading
import time

import stubs
from gateway import Gateway, Simulator, wait_until
from orders import CALL_SECONDS, every_order, market, outcome_is_unknown, place, place_until_answered, reason, request, resting, stored, watch
from proxies import Envoy, HAProxy
from stubs import grpc, pb

BACKENDS = 6
RESTARTS = 3


class Backend(threading.Thread):
    """Places one order after the other, and keeps those whose answer failed."""

    def __init__(self, address, number, stopping):
        super().__init__(daemon=True)
        self.address, self.number, self.stopping = address, number, stopping
        self.answered, self.unresolved, self.unexpected = {}, [], []

    def run(self):
        with stubs.connect(self.address) as orders:
            count = 0
            while not self.stopping.is_set():
                count += 1
                placed = request(market(), request_id=f"backend-{self.number}-{count}")
                try:
                    self.answered[placed.request_id] = place(orders, placed).order_id
                except grpc.RpcError as error:
                    if outcome_is_unknown(error):
                        self.unresolved.append(placed)
                        time.sleep(0.05)
                    else:
                        self.unexpected.append((placed.request_id, error))


def test_no_order_is_lost_or_doubled_when_the_gateway_is_stopped_under_load(bench):
    simulator = bench.until_end(Simulator(bench.room("tws")))
    # The pace of a real TWS is not the point here: more orders in flight are.
    gateway = bench.until_end(Gateway(bench.room("gateway"), simulator.port, IB_MAX_MESSAGES_PER_SECOND=2000).start())
    envoy = bench.until_end(Envoy(bench.room("envoy"), "envoy.yaml", {50051: gateway.port}))
    stopping = threading.Event()
    backends = [Backend(envoy.address, number, stopping) for number in range(BACKENDS)]
    for backend in backends:
        backend.start()
    try:
        for _ in range(RESTARTS):
            enough = sum(len(backend.answered) for backend in backends) + 100
            wait_until(lambda: sum(len(backend.answered) for backend in backends) >= enough, "orders are placed")
            assert gateway.stop() == 0, "the gateway did not stop cleanly"
            gateway.start()
    finally:
        stopping.set()
        for backend in backends:
            backend.join(30)
    unexpected = [failure for backend in backends for failure in backend.unexpected]
    assert not unexpected, unexpected

    orders = bench.enter(stubs.connect(envoy.address))
    answered = {name: number for backend in backends for name, number in backend.answered.items()}
    unresolved = [placed for backend in backends for placed in backend.unresolved]
    replayed = 0
    for placed in unresolved:
        response, _ = place_until_answered(orders, placed)
        replayed += response.replayed
        answered[placed.request_id] = response.order_id
    for name, number in list(answered.items())[:20]:
        again = place(orders, request(market(), request_id=name))
        assert again.replayed and again.order_id == number, again

    def settled():
        found = every_order(orders)
        return found if all(order.terminal for order in found) else None

    found = wait_until(settled, "every order ends")
    assert {order.request_id: order.order_id for order in found} == answered and len(found) == len(answered)
    assert all(order.status == pb.OrderState.FILLED and order.filled == "1" for order in found), [
        order for order in found if order.status != pb.OrderState.FILLED
    ]
    assert unresolved, "no call failed: the gateway was not stopped under load"
    print(
        f"        {len(answered)} orders, {RESTARTS} restarts, {len(unresolved)} calls failed and were resolved, "
        f"{replayed} of them had been placed"
    )


def test_a_place_in_flight_when_the_gateway_dies_behind_haproxy_stays_one_order(bench):
    """HAProxy resets the stream, and the caller's library may send the call again unasked: under its request id that is no second order."""
    simulator = bench.until_end(Simulator(bench.room("tws"), "--fault", "slow=2s"))
    gateway = bench.until_end(Gateway(bench.room("gateway"), simulator.port).start())
    haproxy = bench.until_end(HAProxy(bench.room("haproxy"), {50051: gateway.port, 50061: 1}))
    call = {"metadata": (("x-ib-account", "DU1234567"),)}
    orders = bench.enter(stubs.connect(haproxy.address))
    placed = request(resting(), request_id="in-flight")
    flying = orders.Place.future(placed, timeout=CALL_SECONDS, **call)
    direct = bench.enter(stubs.connect(gateway.address))
    wait_until(lambda: every_order(direct), "the order is stored")
    gateway.stop(signal.SIGKILL)
    gateway.start()
    try:
        response = flying.result()
    except grpc.RpcError as error:
        # No gateway made this status: it promises nothing, and the same request is sent until one answers.
        assert not reason(error), error
        response, _ = place_until_answered(orders, placed, **call)
    assert response.replayed, response
    [order] = every_order(orders, **call)
    assert (order.order_id, order.request_id) == (response.order_id, "in-flight"), order


def test_a_watch_ends_with_a_reason_when_the_gateway_stops_and_goes_on_after_its_restart(bench):
    simulator = bench.until_end(Simulator(bench.room("tws")))
    gateway = bench.until_end(Gateway(bench.room("gateway"), simulator.port).start())
    envoy = bench.until_end(Envoy(bench.room("envoy"), "envoy.yaml", {50051: gateway.port}))
    orders = bench.enter(stubs.connect(envoy.address))
    watches = bench.enter(stubs.connect(envoy.address))
    placed = place(orders, request(resting()))

    seen = []
    stream = watch(watches, placed.order_id, poll=0.2, timeout=60)
    while not seen or seen[-1].WhichOneof("event") != "heartbeat":
        seen.append(next(stream))
    assert gateway.stop() == 0
    try:
        seen += list(stream)
        raise AssertionError("the watch ended as if the order had")
    except grpc.RpcError as error:
        assert (error.code(), reason(error)) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN"), error

    gateway.start()
    cursor = seen[-1].sequence
    stream = wait_until(lambda: reopened(watches, placed.order_id, cursor), "the watch is open again")
    orders.Cancel(pb.CancelRequest(order_id=placed.order_id), timeout=CALL_SECONDS)
    later = list(stream)
    assert stored(later) and stored(later) == sorted(set(stored(later))) and min(stored(later)) > max(stored(seen))
    assert [event.order.status for event in later if event.HasField("order")][-1] == pb.OrderState.CANCELLED


def reopened(watches, order_id, cursor):
    stream = watch(watches, order_id, cursor, poll=0.2, timeout=60)
    try:
        next(stream)
        return stream
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.UNAVAILABLE:
            raise
        return None
