"""Why a call failed, as types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Mapping, Optional, Protocol, Tuple, Union

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

# Domains of the gateway's ErrorInfo: a status without one was made by a proxy or a library, and promises nothing.
_DOMAIN = "ibkr.orders.v1"
# Made here, never by a gateway: nobody answered, or a proxy or library answered in its place.
GATEWAY_UNAVAILABLE = "GATEWAY_UNAVAILABLE"
_UNKNOWN_OUTCOME_CODES = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)


class IbkrOrdersError(Exception):
    """Every error of this package."""


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong with an order, or one rule that it breaks."""

    field: str
    description: str


class OrderError(IbkrOrdersError):
    """The gateway refused the call, or nobody answered it.

    `reason` is a stable word that the schema documents for each call (ORDER_INVALID, TWS_UNAVAILABLE, ORDER_STATE …), or
    GATEWAY_UNAVAILABLE where no gateway answered. `retry_after` is in seconds, where a retry makes sense; `tws_code` and `tws_text`
    are TWS's own words, where it spoke.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        violations: Iterable[Violation] = (),
        retry_after: Optional[float] = None,
        tws_code: Optional[int] = None,
        tws_text: Optional[str] = None,
        code: Optional[grpc.StatusCode] = None,
        metadata: Optional[Mapping[str, str]] = None,
    ) -> None:
        self.reason = reason
        self.message = message
        self.violations: Tuple[Violation, ...] = tuple(violations)
        self.retry_after = retry_after
        self.tws_code = tws_code
        self.tws_text = tws_text
        self.code = code
        self.metadata = dict(metadata or {})
        details = "; ".join(f"{v.field}: {v.description}" for v in self.violations)
        super().__init__(f"{reason}: {message}" + (f" ({details})" if details else ""))

    @property
    def from_gateway(self) -> bool:
        """Whether a gateway said so: then its promise holds that nothing was sent, except for the reason INTERNAL."""
        return self.reason != GATEWAY_UNAVAILABLE

    @property
    def outcome_is_known(self) -> bool:
        """Whether it is certain that the call changed nothing."""
        return self.from_gateway and self.reason != "INTERNAL"


class OutcomeUnknown(IbkrOrdersError):
    """Whether there is an order is not known: bytes may have left, and no answer came before the deadline.

    Place the same order again under the same `request_id` (it never makes a second one), or look with
    `Client.get(placed_as=error.request_id)`. `last` is what the last attempt said.
    """

    def __init__(self, request_id: str, last: Optional[OrderError] = None) -> None:
        self.request_id = request_id
        self.last = last
        super().__init__(
            f"the outcome of request {request_id} is not known: place the same order again under this request id, or get it by "
            f"placed_as" + (f"; the last attempt said {last}" if last else "")
        )


class _Failed(Protocol):
    """What a failed call of grpc and of grpc.aio have in common."""

    def code(self) -> grpc.StatusCode: ...

    def details(self) -> Optional[str]: ...


def order_error(error: object) -> OrderError:
    """What a failed call says, for errors of grpc and of grpc.aio."""
    failed: _Failed = error  # type: ignore[assignment]
    code, message = failed.code(), failed.details() or ""
    trailers: Iterable[Tuple[str, Union[str, bytes]]] = getattr(error, "trailing_metadata", tuple)() or ()
    for name, value in trailers:
        if name == "grpc-status-details-bin":
            named = _decode(code, message, value)
            if named is not None:
                return named
    if code not in _UNKNOWN_OUTCOME_CODES:
        # A library's or proxy's own refusal, for example UNIMPLEMENTED or UNAUTHENTICATED.
        return OrderError(code.name, message, code=code)
    return OrderError(GATEWAY_UNAVAILABLE, f"no gateway answered ({code.name}: {message})", code=code)


def _decode(code: grpc.StatusCode, message: str, value: Union[str, bytes]) -> Optional[OrderError]:
    """The details that every error of a gateway carries; None for a status that has no ErrorInfo of one."""
    status, info = status_pb2.Status(), None
    try:
        status.ParseFromString(value)
    except DecodeError:
        return None
    violations, retry_after = [], None
    for detail in status.details:
        error_info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        failure = error_details_pb2.PreconditionFailure()
        if detail.Unpack(error_info):
            info = error_info
        elif detail.Unpack(bad):
            violations += [Violation(v.field, v.description) for v in bad.field_violations]
        elif detail.Unpack(failure):
            violations += [Violation(f"{v.type} {v.subject}".strip(), v.description) for v in failure.violations]
        elif detail.Unpack(retry):
            retry_after = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    if info is None or info.domain != _DOMAIN:
        return None
    metadata = dict(info.metadata)
    tws_code = metadata.get("twsCode", "")
    return OrderError(
        info.reason,
        message,
        violations=violations,
        retry_after=retry_after,
        tws_code=int(tws_code) if tws_code.lstrip("-").isdigit() else None,
        tws_text=metadata.get("twsText"),
        code=code,
        metadata=metadata,
    )
