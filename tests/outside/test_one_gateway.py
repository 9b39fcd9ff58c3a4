"""One gateway behind Envoy, behind nginx, and behind HAProxy: calls, watches, silence, retries."""

import json
import time
import uuid

import stubs
from gateway import ROOT, Gateway, Simulator, wait_until
from orders import CALL_SECONDS, error_of, every_order, market, place, reason, request, resting, stored, watch, watch_to_end
from proxies import Envoy, HAProxy, Nginx, http_manager, routes
from stubs import grpc, pb

# How long a proxy of these tests lets a stream be silent; a watch that is kept up must last several times as long.
IDLE_SECONDS = 2
WATCHED_SECONDS = 7
ACCOUNT = (("x-ib-account", "DU1234567"),)


def behind_envoy(bench, change=lambda config: None, simulator=None, **settings):
    gateway = bench.until_end(Gateway(bench.room("gateway"), simulator and simulator.port, **settings).start())
    return bench.until_end(Envoy(bench.room("envoy"), "envoy.yaml", {50051: gateway.port}, change))


def behind_nginx(bench, change=lambda text: text):
    gateway = bench.until_end(Gateway(bench.room("gateway")).start())
    # The other account's gateway is not there.
    return bench.until_end(Nginx(bench.room("nginx"), {50051: gateway.port, 50061: 1}, change))


def behind_haproxy(bench, change=lambda text: text):
    gateway = bench.until_end(Gateway(bench.room("gateway")).start())
    # The other account's gateway is not there.
    return bench.until_end(HAProxy(bench.room("haproxy"), {50051: gateway.port, 50061: 1}, change))


def check_a_bracket(orders, watches, **call):
    wanted = pb.PlaceBracketRequest(
        entry=resting(), take_profit=pb.TakeProfit(limit_price="900"), stop_loss=pb.StopLoss(stop_price="0.5"), request_id=f"outside-{uuid.uuid4()}"
    )
    placed = orders.PlaceBracket(wanted, timeout=CALL_SECONDS, **call)
    legs = [placed.take_profit.order_id, placed.stop_loss.order_id]
    again = orders.PlaceBracket(wanted, timeout=CALL_SECONDS, **call)
    assert again.replayed and again.entry.order_id == placed.entry.order_id, again
    got = orders.Get(pb.GetRequest(placed_as=wanted.request_id), timeout=CALL_SECONDS, **call)
    assert [leg.order_id for leg in got.legs] == legs, got
    listed = orders.List(pb.ListRequest(bracket_id=placed.entry.order_id), timeout=CALL_SECONDS, **call).orders
    assert [order.order_id for order in listed] == [*reversed(legs), placed.entry.order_id], listed
    orders.Cancel(pb.CancelRequest(order_id=placed.entry.order_id), timeout=CALL_SECONDS, **call)
    family = pb.WatchRequest(order_id=placed.entry.order_id, with_family=True)
    ended = {event.order.order_id for event in watches.Watch(family, timeout=CALL_SECONDS, **call) if event.order.terminal}
    assert ended == {placed.entry.order_id, *legs}, ended
    unnamed = pb.PlaceBracketRequest(entry=resting(), stop_loss=pb.StopLoss(stop_price="0.5"))
    refused = error_of(lambda: orders.PlaceBracket(unnamed, timeout=CALL_SECONDS, **call))
    assert (refused.code(), reason(refused)) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_INVALID")


def check_calls_and_watches(orders, watches, **call):
    health = orders.Health(pb.HealthRequest(), timeout=CALL_SECONDS, **call)
    assert health.connected and health.store_ok, health
    invalid = pb.Order(action=pb.Order.BUY, symbol="AAPL", order_type=pb.Order.LMT, quantity="1")
    assert not orders.Validate(pb.ValidateRequest(order=invalid), timeout=CALL_SECONDS, **call).valid
    refused = error_of(lambda: place(orders, request(invalid), **call))
    assert (refused.code(), reason(refused)) == (grpc.StatusCode.INVALID_ARGUMENT, "ORDER_INVALID")
    unnamed = pb.PlaceRequest(order=market(), transmit=True)
    refused = error_of(lambda: place(orders, unnamed, **call))
    assert (refused.code(), reason(refused)) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_INVALID")

    placed = place(orders, request(market()), **call)
    events = watch_to_end(watches, placed.order_id, **call)
    last = [event.order for event in events if event.HasField("order")][-1]
    assert last.status == pb.OrderState.FILLED and last.filled == "1", last
    # A watch resumed after the first event shows the rest, each once.
    rest = watch_to_end(watches, placed.order_id, events[0].sequence, **call)
    assert stored(rest) == [sequence for sequence in stored(events) if sequence > events[0].sequence]

    staged = orders.Place(pb.PlaceRequest(order=resting()), timeout=CALL_SECONDS, **call)
    assert staged.state.status == pb.OrderState.STAGED, staged
    sent = orders.Transmit(pb.TransmitRequest(order_id=staged.order_id), timeout=CALL_SECONDS, **call).order
    assert sent.transmit, sent
    ended = orders.Cancel(pb.CancelRequest(order_id=staged.order_id), timeout=CALL_SECONDS, **call).order
    assert ended.status == pb.OrderState.CANCELLED, ended
    got = orders.Get(pb.GetRequest(order_id=placed.order_id), timeout=CALL_SECONDS, **call)
    assert len(got.fills) == 1, got
    assert {order.order_id for order in every_order(orders, **call)} == {placed.order_id, staged.order_id}
    check_a_bracket(orders, watches, **call)


def test_calls_and_watches_work_through_envoy(bench):
    envoy = behind_envoy(bench)
    with stubs.connect(envoy.address) as orders, stubs.connect(envoy.address) as watches:
        check_calls_and_watches(orders, watches)


def test_calls_and_watches_work_through_nginx(bench):
    nginx = behind_nginx(bench)
    with stubs.connect(nginx.address) as orders, stubs.connect(nginx.address) as watches:
        check_calls_and_watches(orders, watches, metadata=ACCOUNT)


def test_calls_and_watches_work_through_haproxy(bench):
    haproxy = behind_haproxy(bench)
    with stubs.connect(haproxy.address) as orders, stubs.connect(haproxy.address) as watches:
        check_calls_and_watches(orders, watches, metadata=ACCOUNT)


def check_idle_watches(orders, **call):
    # Heartbeats twice as often as the proxy's limit: the watch lasts until its own deadline.
    started, beats = time.monotonic(), 0
    try:
        for event in watch(orders, 0, poll=IDLE_SECONDS / 2, timeout=WATCHED_SECONDS, **call):
            beats += event.WhichOneof("event") == "heartbeat"
        raise AssertionError("the watch of all orders ended")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
    assert time.monotonic() - started >= WATCHED_SECONDS - 0.5 and beats >= 4, beats
    # Heartbeats more seldom than it: the proxy ends the watch, long before its deadline. So the limit was in force above.
    try:
        for _ in watch(orders, 0, poll=60, timeout=90, **call):
            pass
        raise AssertionError("the watch of all orders ended")
    except grpc.RpcError as error:
        assert error.code() != grpc.StatusCode.DEADLINE_EXCEEDED, error


def test_heartbeats_keep_an_idle_watch_up_beyond_the_idle_limit_of_envoy(bench):
    def change(config):
        http_manager(config)["stream_idle_timeout"] = f"{IDLE_SECONDS}s"

    with stubs.connect(behind_envoy(bench, change).address) as orders:
        check_idle_watches(orders)


def test_heartbeats_keep_an_idle_watch_up_beyond_the_idle_limit_of_nginx(bench):
    nginx = behind_nginx(bench, lambda text: text.replace("grpc_read_timeout 300s", f"grpc_read_timeout {IDLE_SECONDS}s"))
    with stubs.connect(nginx.address) as orders:
        check_idle_watches(orders, metadata=ACCOUNT)


def test_heartbeats_keep_an_idle_watch_up_beyond_the_idle_limit_of_haproxy(bench):
    haproxy = behind_haproxy(bench, lambda text: text.replace("timeout server 300s", f"timeout server {IDLE_SECONDS}s"))
    with stubs.connect(haproxy.address) as orders:
        check_idle_watches(orders, metadata=ACCOUNT)


def test_an_order_that_envoy_sends_again_is_placed_once(bench):
    """Envoy is told to give Place 0.4 s and to try it three times more, against a TWS that answers after 1 s. Every try reaches
    the gateway; with a request id they are one order. Without one the gateway refuses it, unless told otherwise: then they are
    several, so the retries did happen."""

    def change(config):
        for route in routes(config):
            if route["match"].get("prefix") == "/ibkr.orders.v1.OrderService/":
                route["route"]["retry_policy"] = {
                    "retry_on": "5xx,reset,connect-failure,refused-stream,retriable-status-codes,unavailable",
                    "num_retries": 3,
                    "per_try_timeout": "0.4s",
                }

    simulator = bench.until_end(Simulator(bench.room("tws"), "--fault", "slow=1s"))
    envoy = behind_envoy(bench, change, simulator, ALLOW_UNNAMED_PLACE="true")
    with stubs.connect(envoy.address) as orders:
        named = request(market(), request_id="sent-again")
        try:
            place(orders, named)
        except grpc.RpcError as error:
            assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), error
        retries = envoy.counter("cluster.gateway.upstream_rq_retry")
        assert retries >= 1, "Envoy did not send the order again"
        again = place(orders, named)
        assert again.replayed
        placed = every_order(orders)
        assert [order.request_id for order in placed] == ["sent-again"], placed

        try:
            place(orders, pb.PlaceRequest(order=market(symbol="MSFT"), transmit=True))
        except grpc.RpcError:
            pass
        assert envoy.counter("cluster.gateway.upstream_rq_retry") > retries
        wait_until(lambda: sum(order.symbol == "MSFT" for order in every_order(orders)) > 1, "the unnamed order doubles")


def test_the_shipped_service_config_repeats_reads_and_never_orders(bench):
    """Envoy answers UNAVAILABLE to everything; its counter tells how often the library asked."""

    def change(config):
        http_manager(config)["http_filters"].insert(0, {
            "name": "envoy.filters.http.fault",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
                "abort": {"grpc_status": 14, "percentage": {"numerator": 100}},
            },
        })  # fmt: skip

    envoy = behind_envoy(bench, change)
    config = json.dumps(json.loads((ROOT / "deploy/grpc/service-config.json").read_text()))
    by_id = {"order_id": 1}
    calls = {
        "Health": (pb.HealthRequest(), 4),
        "Validate": (pb.ValidateRequest(order=market()), 4),
        "Get": (pb.GetRequest(**by_id), 4),
        "List": (pb.ListRequest(), 4),
        "Place": (request(market()), 1),
        "Transmit": (pb.TransmitRequest(**by_id), 1),
        "Cancel": (pb.CancelRequest(**by_id), 1),
        "Watch": (pb.WatchRequest(**by_id), 1),
    }
    with stubs.connect(envoy.address, grpc_service_config=config) as orders:
        for method, (message, tries) in calls.items():
            before = envoy.counter("http.orders.fault.aborts_injected")
            call = getattr(orders, method)
            error = error_of(lambda: list(call(message)) if method == "Watch" else call(message))
            assert error.code() == grpc.StatusCode.UNAVAILABLE, (method, error)
            made = envoy.counter("http.orders.fault.aborts_injected") - before
            assert made == tries, f"{method}: {made} tries instead of {tries}"
