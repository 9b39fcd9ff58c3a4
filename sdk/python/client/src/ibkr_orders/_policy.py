"""What both clients decide the same way: when a call is made again, where, and when its outcome is not known. Nothing here talks."""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass
from typing import Callable, Optional, Union

from ._errors import GATEWAY_UNAVAILABLE, OrderError, OutcomeUnknown
from ._events import Cursor
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
    # Set for a call that makes something: Place.
    request_id: Optional[str] = None
    made: int = 0
    unknown: bool = False
    last: Optional[OrderError] = None

    @classmethod
    def start(cls, deadline: float, timeout: float, request_id: Optional[str] = None) -> "Attempts":
        if deadline <= 0 or timeout < 0:
            raise ValueError("deadline and timeout are seconds: deadline above 0, timeout 0 or more")
        return cls(time.monotonic() + deadline, timeout, request_id)

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


@dataclass
class WatchState:
    """A watch across the streams it needs."""

    order_id: int
    placed_as: Optional[str]
    cursor: Cursor
    heartbeat: float
    outage_max: float
    deadline: Optional[float]
    attempt: int = 0
    heard_at: float = 0.0

    @classmethod
    def start(
        cls,
        order_id: int,
        placed_as: Optional[str],
        after_sequence: int,
        heartbeat: float,
        outage_max: float,
        max_wait: Optional[float],
    ) -> "WatchState":
        if order_id != 0 and placed_as is not None:
            raise ValueError("name the order by order_id or by placed_as")
        now = time.monotonic()
        deadline = None if max_wait is None else now + max_wait
        return cls(order_id, placed_as, Cursor(after_sequence), heartbeat, outage_max, deadline, heard_at=now)

    def request(self) -> pb.WatchRequest:
        self.attempt += 1
        request = pb.WatchRequest(after_sequence=self.cursor.sequence)
        if self.placed_as is None:
            request.order_id = self.order_id
        else:
            request.placed_as = self.placed_as
        seconds(request.poll_interval, self.heartbeat)
        if self.deadline is not None:
            seconds(request.max_wait, min(max(0.0, self.deadline - time.monotonic()), _WAIT_SECONDS_MAX))
        return request

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
        log.info("watch: %s; on after sequence %d in %.1f s", error, self.cursor.sequence, wait)
        return wait


Referring = Union[pb.GetRequest, pb.CancelRequest, pb.TransmitRequest]


def refer(request: Referring, order_id: Optional[int], placed_as: Optional[str]) -> None:
    """Names the order of a request: by its id, or by the request id it was placed under."""
    if (order_id is None) == (placed_as is None):
        raise ValueError("name the order by order_id or by placed_as")
    if order_id is not None:
        request.order_id = order_id
    elif placed_as is not None:
        request.placed_as = placed_as


def place_request(
    order: pb.Order, transmit: bool, dry_run: bool, timeout: float, request_id: str
) -> pb.PlaceRequest:
    request = pb.PlaceRequest(order=order, transmit=transmit, dry_run=dry_run, request_id=request_id)
    seconds(request.timeout, timeout)
    return request
