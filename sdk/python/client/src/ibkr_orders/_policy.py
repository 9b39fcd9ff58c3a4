"""What both clients decide the same way: when a call is made again, where, and when its outcome is not known. Nothing here talks."""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass
from typing import Callable, Optional, Union

from ._errors import GATEWAY_UNAVAILABLE, OrderError, OutcomeUnknown
from ._events import Cursor, Event
from ._pb import orders_pb2 as pb

log = logging.getLogger("ibkr_orders")

# A call's own deadline is this much later than the time it gives the gateway, in seconds: the answer needs to arrive.
ANSWER_SECONDS = 2.0
# First and longest pause between two attempts, in seconds.
PAUSE_MIN = 0.1
PAUSE_MAX = 2.0
# Refusals that another moment or another gateway lifts, and that promise that nothing was sent.
_TRANSIENT = frozenset({"SHUTTING_DOWN", "OVERLOADED", "STANDBY"})
# A watch that ended with one of these goes on after the last sequence seen.
_RESUMABLE = frozenset({GATEWAY_UNAVAILABLE, "SHUTTING_DOWN", "LAGGED", "STANDBY", "STORE", "OVERLOADED", "INTERNAL"})
# How the time a caller allows is bounded at the gateway, in seconds (a day).
_WAIT_SECONDS_MAX = 86_400.0

Elsewhere = Callable[[Optional[str]], None]


def new_request_id() -> str:
    return str(uuid.uuid4())


def pause(attempt: int, error: OrderError) -> float:
    """Seconds before the next attempt: what the gateway asks for, else longer each time."""
    if error.retry_after is not None:
        return min(error.retry_after, PAUSE_MAX)
    return min(PAUSE_MIN * 2.0 ** min(attempt - 1, 10), PAUSE_MAX)


def seconds(field: object, value: float) -> None:
    """Writes seconds into a Duration."""
    whole = int(value)
    field.seconds, field.nanos = whole, int((value - whole) * 1e9)  # type: ignore[attr-defined]


@dataclass
class Attempts:
    """The attempts of one call that may be made again."""

    deadline: float
    timeout: float
    # Set for a call that makes or changes something, once under this id.
    request_id: Optional[str] = None
    # Whether the call may be made again although an earlier attempt may have done what it asks for.
    repeatable: bool = True
    made: int = 0
    unknown: bool = False
    last: Optional[OrderError] = None

    @classmethod
    def start(
        cls, deadline: float, timeout: float, request_id: Optional[str] = None, repeatable: bool = True
    ) -> "Attempts":
        if deadline <= 0 or timeout < 0:
            raise ValueError("deadline and timeout are seconds: deadline above 0, timeout 0 or more")
        return cls(time.monotonic() + deadline, timeout, request_id, repeatable)

    def left(self) -> float:
        return self.deadline - time.monotonic()

    def call_timeout(self) -> float:
        """Deadline of the next attempt, in seconds: so short that a lost answer leaves time for another attempt."""
        self.made += 1
        return max(0.001, min(self.left(), self.timeout + ANSWER_SECONDS))

    def after(self, error: OrderError, elsewhere: Elsewhere) -> float:
        """Seconds to wait before the next attempt.

        Raises `error` where another attempt cannot help, and OutcomeUnknown where the time is up and bytes may have left.
        """
        self.last = error
        if not error.outcome_is_known:
            self.unknown = True
            if not self.repeatable:
                raise error
        elif error.reason not in _TRANSIENT and not (self.unknown and error.retry_after is not None):
            # The same for the same request, whenever it arrives: it settles earlier attempts too.
            raise error
        if not error.from_gateway or error.reason in _TRANSIENT:
            elsewhere(error.metadata.get("leader"))
        wait = pause(self.made, error)
        if self.left() <= wait:
            if self.unknown and self.request_id is not None:
                raise OutcomeUnknown(self.request_id, error)
            raise error
        log.debug("attempt %d: %s; again in %.1f s", self.made, error, wait)
        return wait


class Stream:
    """A watch across the streams it needs: how long it may go without a gateway, and when it ends."""

    def __init__(self, heartbeat: float, outage_max: float, max_wait: Optional[float]) -> None:
        self.heartbeat = heartbeat
        self.outage_max = outage_max
        self.attempt = 0
        self.heard_at = time.monotonic()
        self.deadline = None if max_wait is None else self.heard_at + max_wait

    def times(self, request: Union[pb.WatchRequest, pb.WatchAccountRequest]) -> None:
        """Begins an attempt, whose request says how often to show a sign of life, and what is left of the time to watch."""
        self.attempt += 1
        seconds(request.poll_interval, self.heartbeat)
        if self.deadline is not None:
            seconds(request.max_wait, min(max(0.0, self.deadline - time.monotonic()), _WAIT_SECONDS_MAX))

    def heard(self) -> None:
        self.attempt = 0
        self.heard_at = time.monotonic()

    def after(self, error: OrderError, elsewhere: Elsewhere) -> float:
        """Seconds to wait before the next stream; raises `error` where the watch cannot go on."""
        if error.reason not in _RESUMABLE:
            raise error
        wait = pause(max(1, self.attempt), error)
        if time.monotonic() + wait - self.heard_at > self.outage_max:
            raise error
        if self.deadline is not None and time.monotonic() + wait > self.deadline:
            raise error
        elsewhere(error.metadata.get("leader"))
        log.info("watch: %s; again in %.1f s", error, wait)
        return wait


class OrderWatch(Stream):
    """A watch of orders."""

    method = "Watch"

    def __init__(
        self,
        order_id: int = 0,
        *,
        placed_as: Optional[str] = None,
        with_family: bool = False,
        after_sequence: int = 0,
        heartbeat: float = 1.0,
        outage_max: float = 60.0,
        max_wait: Optional[float] = None,
    ) -> None:
        if order_id != 0 and placed_as is not None:
            raise ValueError("name the order by order_id or by placed_as")
        super().__init__(heartbeat, outage_max, max_wait)
        self.order_id = order_id
        self.placed_as = placed_as
        self.with_family = with_family
        self.cursor = Cursor(after_sequence)

    def request(self) -> pb.WatchRequest:
        request = pb.WatchRequest(after_sequence=self.cursor.sequence, with_family=self.with_family)
        if self.placed_as is None:
            request.order_id = self.order_id
        else:
            request.placed_as = self.placed_as
        self.times(request)
        return request

    def take(self, response: pb.WatchResponse) -> Optional[Event]:
        """The event to show for a message, if any."""
        self.heard()
        return self.cursor.take(response)

    def instead_of(self, error: OrderError) -> Optional[Event]:
        """The event to show where a stream ended with an error after which the next one goes on at once, if any."""
        return self.cursor.history_changed(error)


class AccountWatch(Stream):
    """A watch of positions and values. A new stream has no cursor: it begins with all there is."""

    method = "WatchAccount"

    def __init__(
        self,
        account: str = "",
        *,
        heartbeat: float = 1.0,
        outage_max: float = 60.0,
        max_wait: Optional[float] = None,
    ) -> None:
        super().__init__(heartbeat, outage_max, max_wait)
        self.account = account

    def request(self) -> pb.WatchAccountRequest:
        request = pb.WatchAccountRequest(account=self.account)
        self.times(request)
        return request

    def take(self, response: pb.WatchAccountResponse) -> Optional[pb.WatchAccountResponse]:
        self.heard()
        return response

    def instead_of(self, error: OrderError) -> Optional[pb.WatchAccountResponse]:
        return None
