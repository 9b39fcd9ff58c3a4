"""What needs no gateway: arguments, errors, cursors, and how little the pytest plugin costs."""

import inspect
import subprocess
import sys

import grpc
import pytest

from ibkr_orders import Client, OrderError, OutcomeUnknown, aio
from ibkr_orders._events import Cursor
from ibkr_orders._pb import orders_pb2 as pb
from ibkr_orders._policy import Attempts
from ibkr_orders._transport import Rotation, first_token


def nowhere(_: object) -> None:
    pass


def test_an_address_or_token_that_cannot_work_is_refused_at_once() -> None:
    for address in ("127.0.0.1:50051", "ftp://127.0.0.1", "http://", "http://127.0.0.1:1/orders"):
        with pytest.raises(ValueError):
            Client(address)
    with pytest.raises(ValueError, match="anybody on the way"):
        Client("http://gateway.example:50051", token="a-token-of-some-length")
    with pytest.raises(ValueError):
        Client(token="a", token_file="b")
    assert "secret" not in repr(Client("http://127.0.0.1:1", token="secret")._settings)
    assert first_token("# tokens\n\nfirst role=trade name=desk\nsecond\n") == "first"


def test_nobody_there_is_an_error_and_not_a_doubt_for_a_read_and_a_doubt_for_a_place() -> None:
    with Client("http://127.0.0.1:9") as client:
        with pytest.raises(OrderError) as error:
            client.get(1, deadline=0.3)
        assert error.value.reason == "GATEWAY_UNAVAILABLE" and not error.value.outcome_is_known
        with pytest.raises(OutcomeUnknown) as unknown:
            client.place(pb.Order(), request_id="mine", deadline=0.3)
        assert unknown.value.request_id == "mine"


def test_what_cannot_be_repeated_safely_is_tried_once() -> None:
    away = OrderError("GATEWAY_UNAVAILABLE", "no answer")
    busy = OrderError("OVERLOADED", "later", retry_after=0.01)
    attempts = Attempts.start(5, 1, repeatable=False)
    # A refusal that promises that nothing was done may be tried again.
    attempts.after(busy, nowhere)
    with pytest.raises(OrderError, match="no answer"):
        attempts.after(away, nowhere)


def test_both_clients_have_the_same_methods_with_the_same_arguments() -> None:
    def public(kind: type) -> "dict[str, list[str]]":
        names = (name for name in vars(kind) if not name.startswith("_"))
        return {name: list(inspect.signature(getattr(kind, name)).parameters) for name in names}

    assert public(Client) == public(aio.Client)
    assert "place_bracket" in public(Client)
    assert inspect.iscoroutinefunction(aio.Client.place)
    assert str(inspect.signature(Client.place).return_annotation) == "pb.PlaceResponse"


def test_a_refusal_settles_a_place_only_where_nothing_is_in_doubt() -> None:
    away = OrderError("GATEWAY_UNAVAILABLE", "no answer")
    invalid = OrderError("ORDER_INVALID", "no")
    no_tws = OrderError("TWS_UNAVAILABLE", "away", retry_after=0.01)
    with pytest.raises(OrderError):
        Attempts.start(5, 1, "id").after(no_tws, nowhere)
    attempts = Attempts.start(5, 1, "id")
    attempts.after(away, nowhere)
    # An earlier attempt may still arrive: this refusal says nothing about it.
    attempts.after(no_tws, nowhere)
    with pytest.raises(OrderError):
        attempts.after(invalid, nowhere)
    doubtful = Attempts.start(0.001, 1, "id")
    with pytest.raises(OutcomeUnknown):
        doubtful.after(OrderError("INTERNAL", "a defect", code=grpc.StatusCode.INTERNAL), nowhere)


def test_a_cursor_shows_each_event_once_and_follows_a_takeover() -> None:
    cursor = Cursor(0)
    order = pb.WatchResponse(sequence=5, order=pb.OrderState(order_id=1))
    fill = pb.WatchResponse(sequence=6, fill=pb.Fill(exec_id="e.1"))
    assert cursor.take(order) and cursor.take(fill)
    assert cursor.take(order) is None
    # The same execution under a later sequence, as the history of a gateway that took over has it.
    assert cursor.take(pb.WatchResponse(sequence=9, fill=pb.Fill(exec_id="e.1"))) is None
    heartbeat = cursor.take(pb.WatchResponse(sequence=9, heartbeat=pb.Heartbeat(connected=True)))
    assert heartbeat and heartbeat.connected
    lost = OrderError("SEQUENCE", "of another history", metadata={"resumeAfter": "7"})
    changed = cursor.history_changed(lost)
    assert changed and changed.history_changed and (changed.history_changed.last_seen, cursor.sequence) == (9, 7)
    assert cursor.history_changed(OrderError("SEQUENCE", "another store")) is None


def test_several_addresses_are_asked_in_turn_and_the_leader_first() -> None:
    rotation = Rotation(["http://a:1", "http://b:2", "http://c:3"])
    rotation.move("c:3")
    assert rotation.current == "http://c:3"
    rotation.move(None)
    assert rotation.current == "http://a:1"


def test_pytest_pays_for_grpc_only_when_a_test_asks_for_it() -> None:
    code = "import ibkr_orders.testing.plugin, sys; sys.exit('grpc' in sys.modules or 'google.protobuf' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
