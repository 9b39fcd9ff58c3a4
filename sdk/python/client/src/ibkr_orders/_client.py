"""The client that blocks. `aio` has the same methods for asyncio; what both decide is in `_policy`."""

from __future__ import annotations

import time
from threading import Lock
from types import TracebackType
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple, Type, Union

import grpc

from ._errors import OrderError, order_error
from ._events import Event
from ._pb import orders_pb2 as pb
from ._policy import Attempts, WatchState, log, new_request_id, place_request, refer, seconds
from ._transport import METHODS, Rotation, Settings, target

RequestIdHook = Callable[[str], None]


class Client:
    """Calls a gateway, or one of several. Safe to use from many threads; close it, or use it in a `with` statement.

    `addresses`: http://HOST:PORT or https://HOST:PORT, default http://127.0.0.1:50051. Of several the first that answers is used.
    `token` or `token_file`: bearer token. `ca_file`: authority of an https server, default the system's. `client_cert_file` and
    `client_key_file`: our own certificate, for mutual TLS. `server_name`: name to expect in the server's certificate.
    """

    def __init__(
        self,
        *addresses: str,
        token: Optional[str] = None,
        token_file: Optional[str] = None,
        ca_file: Optional[str] = None,
        client_cert_file: Optional[str] = None,
        client_key_file: Optional[str] = None,
        server_name: Optional[str] = None,
    ) -> None:
        self._open(Settings.of(addresses, token, token_file, ca_file, client_cert_file, client_key_file, server_name))

    @classmethod
    def from_env(cls) -> "Client":
        """As the environment says: ORDERS_SERVER, ORDERS_TOKEN or ORDERS_TOKEN_FILE, ORDERS_SERVER_CA, ORDERS_SERVER_NAME,
        ORDERS_CLIENT_CERT, ORDERS_CLIENT_KEY."""
        client = cls.__new__(cls)
        client._open(Settings.from_environment())
        return client

    def _open(self, settings: Settings) -> None:
        self._settings = settings
        self._rotation = Rotation(settings.addresses)
        self._channels: Dict[Tuple[str, str], grpc.Channel] = {}
        self._lock = Lock()
        self._closed = False

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends calls and watches that are open, and closes the connections."""
        with self._lock:
            self._closed = True
            channels = list(self._channels.values())
            self._channels.clear()
        for channel in channels:
            channel.close()

    def health(self, *, deadline: float = 10.0, timeout: float = 5.0) -> pb.HealthResponse:
        """Whether orders can be placed now, and why not."""
        request = pb.HealthRequest()
        seconds(request.timeout, timeout)
        response: pb.HealthResponse = self._repeat("Health", request, Attempts.start(deadline, timeout))
        return response

    def validate(self, order: pb.Order, *, transmit: bool = False, deadline: float = 10.0) -> pb.ValidateResponse:
        """Checks an order; every violation is in `errors`."""
        request = pb.ValidateRequest(order=order, transmit=transmit)
        response: pb.ValidateResponse = self._repeat("Validate", request, Attempts.start(deadline, deadline))
        return response

    def place(
        self,
        order: pb.Order,
        *,
        transmit: bool = False,
        dry_run: bool = False,
        request_id: Optional[str] = None,
        on_request_id: Optional[RequestIdHook] = None,
        deadline: float = 15.0,
        timeout: float = 5.0,
    ) -> pb.PlaceResponse:
        """Places an order, once, and answers with the first thing TWS says about it. Without `transmit` it is staged in TWS.

        `request_id` names the request for good: the same id never makes a second order, in this process or another. Without one a
        new one is made; `on_request_id` is called with it before the first byte leaves, so that it can be kept. An attempt whose
        answer got lost is repeated under the id until `deadline` (seconds, for the whole call). `timeout` (seconds) is how long the gateway waits
        for TWS.

        Raises OrderError where the order was refused and nothing was sent, OutcomeUnknown(request_id) where the time is up
        and bytes may have left.
        """
        request_id = request_id or new_request_id()
        if on_request_id is not None:
            on_request_id(request_id)
        log.info("place %s %s %s under request id %s", order.symbol, order.quantity, "at once" if transmit else "staged", request_id)
        request = place_request(order, transmit, dry_run, timeout, request_id)
        response: pb.PlaceResponse = self._repeat("Place", request, Attempts.start(deadline, timeout, request_id))
        return response

    def transmit(
        self, order_id: Optional[int] = None, *, placed_as: Optional[str] = None, deadline: float = 15.0, timeout: float = 5.0
    ) -> pb.OrderState:
        """Releases a staged order. Safe to repeat."""
        request = pb.TransmitRequest()
        refer(request, order_id, placed_as)
        seconds(request.timeout, timeout)
        response: pb.TransmitResponse = self._repeat("Transmit", request, Attempts.start(deadline, timeout))
        return response.order

    def cancel(
        self, order_id: Optional[int] = None, *, placed_as: Optional[str] = None, deadline: float = 15.0, timeout: float = 5.0
    ) -> pb.OrderState:
        """Cancels an order and answers with TWS's verdict, or with the state as it is after `timeout`. Safe to repeat."""
        request = pb.CancelRequest()
        refer(request, order_id, placed_as)
        seconds(request.timeout, timeout)
        response: pb.CancelResponse = self._repeat("Cancel", request, Attempts.start(deadline, timeout))
        return response.order

    def get(
        self, order_id: Optional[int] = None, *, placed_as: Optional[str] = None, deadline: float = 10.0
    ) -> pb.GetResponse:
        """One order and all its fills, as stored. `deadline` is for each page of fills."""
        request = pb.GetRequest()
        refer(request, order_id, placed_as)
        response: pb.GetResponse = self._repeat("Get", request, Attempts.start(deadline, deadline))
        while response.next_page_token:
            request.page_token = response.next_page_token
            page: pb.GetResponse = self._repeat("Get", request, Attempts.start(deadline, deadline))
            response.fills.extend(page.fills)
            response.next_page_token = page.next_page_token
        return response

    def list(
        self,
        *,
        statuses: Iterable[Union["pb.OrderState.Status", str]] = (),
        symbol: str = "",
        page_size: int = 0,
        deadline: float = 10.0,
    ) -> Iterator[pb.OrderState]:
        """Stored orders, newest first, page by page as they are asked for. `deadline` is for each page."""
        request = list_request(statuses, symbol, page_size)
        while True:
            page: pb.ListResponse = self._repeat("List", request, Attempts.start(deadline, deadline))
            yield from page.orders
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def watch(
        self,
        order_id: int = 0,
        *,
        placed_as: Optional[str] = None,
        after_sequence: int = 0,
        heartbeat: float = 1.0,
        outage_max: float = 60.0,
        max_wait: Optional[float] = None,
    ) -> Iterator[Event]:
        """What happens to one order until it ends, or to every order (0) without end; each event once. `placed_as` names the order by
        the request id it was placed under.

        Starts with the current state, or after a sequence seen before. A stream that breaks is opened again where it was left; after
        `outage_max` seconds without a gateway the watch gives up with OrderError. Ends with OrderError MAX_WAIT after `max_wait`
        seconds. Closing the iterator ends the stream.
        """
        state = WatchState.start(order_id, placed_as, after_sequence, heartbeat, outage_max, max_wait)
        while True:
            stream: Any = None
            try:
                stream = self._call("Watch")(state.request(), metadata=self._settings.metadata())
                for response in stream:
                    state.heard()
                    event = state.cursor.take(response)
                    if event is not None:
                        yield event
                return
            except grpc.RpcError as failed:
                error = order_error(failed)
            finally:
                if stream is not None:
                    stream.cancel()
            if self._closed:
                raise error
            changed = state.cursor.history_changed(error)
            if changed is not None:
                yield changed
                continue
            time.sleep(state.after(error, self._rotation.move))

    def _repeat(self, method: str, request: Any, attempts: Attempts) -> Any:
        while True:
            try:
                return self._call(method)(request, timeout=attempts.call_timeout(), metadata=self._settings.metadata())
            except grpc.RpcError as failed:
                error: OrderError = order_error(failed)
            if self._closed:
                raise error
            time.sleep(attempts.after(error, self._rotation.move))

    def _call(self, name: str) -> Callable[..., Any]:
        method = METHODS[name]
        # A stream that nobody reads would hold up other calls of its connection: watches have one of their own.
        channel = self._channel("watch" if method.streams else "call")
        make = channel.unary_stream if method.streams else channel.unary_unary
        call: Callable[..., Any] = make(method.path, request_serializer=method.serialize, response_deserializer=method.parse)
        return call

    def _channel(self, use: str) -> grpc.Channel:
        address = self._rotation.current
        with self._lock:
            if self._closed:
                raise ValueError("the client is closed")
            channel = self._channels.get((address, use))
            if channel is None:
                secure, where = target(address)
                options = self._settings.options()
                if secure:
                    channel = grpc.secure_channel(where, self._settings.credentials(), options)
                else:
                    channel = grpc.insecure_channel(where, options)
                self._channels[(address, use)] = channel
            return channel


def list_request(statuses: Iterable[Union["pb.OrderState.Status", str]], symbol: str, page_size: int) -> pb.ListRequest:
    words: List[Any] = list(statuses)
    numbers: List[Any] = [pb.OrderState.Status.Value(word) if isinstance(word, str) else word for word in words]
    return pb.ListRequest(statuses=numbers, symbol=symbol, page_size=page_size)
