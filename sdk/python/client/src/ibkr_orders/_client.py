"""The client that blocks. `aio` has the same methods for asyncio; what both have in common is in `_calls` and `_policy`."""

from __future__ import annotations

import time
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, Optional, Tuple, Type, TypeVar, Union

import grpc

from . import _calls
from ._calls import Call, as_method
from ._errors import OrderError, order_error
from ._events import Event
from ._pb import orders_pb2 as pb
from ._policy import AccountWatch, OrderWatch
from ._transport import METHODS, Rotation, Settings, target

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    P = ParamSpec("P")

T = TypeVar("T")


def _method(call: Callable[P, Call[T]]) -> Callable[Concatenate[Client, P], T]:
    """A call as a method that blocks until it is answered."""

    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(call(*args, **kwargs))

    return as_method(method, call)


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

    health = _method(_calls.health)
    validate = _method(_calls.validate)
    place = _method(_calls.place)
    place_bracket = _method(_calls.place_bracket)
    replace = _method(_calls.replace)
    preview = _method(_calls.preview)
    transmit = _method(_calls.transmit)
    cancel = _method(_calls.cancel)
    list_positions = _method(_calls.list_positions)
    get_account = _method(_calls.get_account)
    limits = _method(_calls.limits)
    halt = _method(_calls.halt)
    resume = _method(_calls.resume)
    cancel_all = _method(_calls.cancel_all)

    def get(
        self, order_id: Optional[int] = None, *, placed_as: Optional[str] = None, deadline: float = 10.0
    ) -> pb.GetResponse:
        """One order and all its fills, as stored; of a bracket's entry its exits too, as `legs`. `deadline` is for each page of fills."""
        request = pb.GetRequest()
        _calls.refer(request, order_id, placed_as)
        response = self._run(_calls.get_page(request, deadline))
        while response.next_page_token:
            request.page_token = response.next_page_token
            page = self._run(_calls.get_page(request, deadline))
            response.fills.extend(page.fills)
            response.next_page_token = page.next_page_token
        return response

    def list(
        self,
        *,
        statuses: Iterable[Union["pb.OrderState.Status", str]] = (),
        symbol: str = "",
        bracket_id: int = 0,
        page_size: int = 0,
        deadline: float = 10.0,
    ) -> Iterator[pb.OrderState]:
        """Stored orders, newest first, page by page as they are asked for. `bracket_id`: only the orders of this bracket. `deadline` is for
        each page."""
        request = _calls.list_request(statuses, symbol, bracket_id, page_size)
        while True:
            page = self._run(_calls.list_page(request, deadline))
            yield from page.orders
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def watch(
        self,
        order_id: int = 0,
        *,
        placed_as: Optional[str] = None,
        with_family: bool = False,
        after_sequence: int = 0,
        heartbeat: float = 1.0,
        outage_max: float = 60.0,
        max_wait: Optional[float] = None,
    ) -> Iterator[Event]:
        """What happens to one order until it ends, or to every order (0) without end; each event once. `placed_as` names the order by
        the request id it was placed under; `with_family` shows every order of its bracket, until all have ended.

        Starts with the current state, or after a sequence seen before. A stream that breaks is opened again where it was left; after
        `outage_max` seconds without a gateway the watch gives up with OrderError. Ends with OrderError MAX_WAIT after `max_wait`
        seconds. Closing the iterator ends the stream.
        """
        return self._follow(
            OrderWatch(
                order_id,
                placed_as=placed_as,
                with_family=with_family,
                after_sequence=after_sequence,
                heartbeat=heartbeat,
                outage_max=outage_max,
                max_wait=max_wait,
            )
        )

    def watch_account(
        self, account: str = "", *, heartbeat: float = 1.0, outage_max: float = 60.0, max_wait: Optional[float] = None
    ) -> Iterator[pb.WatchAccountResponse]:
        """Positions and values of one account or of every one of the login: first all that is known, then what changes, without end.

        A stream that breaks is opened again and begins with all there is. Ends like `watch` does.
        """
        return self._follow(AccountWatch(account, heartbeat=heartbeat, outage_max=outage_max, max_wait=max_wait))

    def _follow(self, watch: Any) -> Iterator[Any]:
        while True:
            stream: Any = None
            try:
                stream = self._call(watch.method)(watch.request(), metadata=self._settings.metadata())
                for response in stream:
                    event = watch.take(response)
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
            event = watch.instead_of(error)
            if event is not None:
                yield event
                continue
            time.sleep(watch.after(error, self._rotation.move))

    def _run(self, call: Call[T]) -> T:
        attempts = call.attempts
        while True:
            try:
                method = self._call(call.method)
                return call.unwrap(method(call.request, timeout=attempts.call_timeout(), metadata=self._settings.metadata()))
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

