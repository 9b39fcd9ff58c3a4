"""The client for asyncio: the methods of `ibkr_orders.Client`, to be awaited.

    from ibkr_orders import Order
    from ibkr_orders.aio import Client

    async with Client("http://127.0.0.1:50051") as client:
        placed = await client.place(Order(action="BUY", symbol="AAPL", order_type="MKT", quantity="1"), transmit=True)
        async for event in client.watch(placed.order_id):
            print(event.kind)
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Coroutine, Dict, Iterable, Optional, Tuple, Type, TypeVar, Union

import grpc
import grpc.aio

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

__all__ = ["Client"]

T = TypeVar("T")


def _method(call: Callable[P, Call[T]]) -> Callable[Concatenate[Client, P], Coroutine[Any, Any, T]]:
    """A call as a method to be awaited."""

    async def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(call(*args, **kwargs))

    return as_method(method, call)


class Client:
    """Calls a gateway, or one of several, from one event loop. Arguments as of `ibkr_orders.Client`."""

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
        """As the environment says; see `ibkr_orders.Client.from_env`."""
        client = cls.__new__(cls)
        client._open(Settings.from_environment())
        return client

    def _open(self, settings: Settings) -> None:
        self._settings = settings
        self._rotation = Rotation(settings.addresses)
        self._channels: Dict[Tuple[str, str], grpc.aio.Channel] = {}
        self._closed = False

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends calls and watches that are open, and closes the connections."""
        self._closed = True
        channels = list(self._channels.values())
        self._channels.clear()
        for channel in channels:
            await channel.close()

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

    async def get(
        self, order_id: Optional[int] = None, *, placed_as: Optional[str] = None, deadline: float = 10.0
    ) -> pb.GetResponse:
        """One order and its fills, as stored; see `ibkr_orders.Client.get`."""
        request = pb.GetRequest()
        _calls.refer(request, order_id, placed_as)
        response = await self._run(_calls.get_page(request, deadline))
        while response.next_page_token:
            request.page_token = response.next_page_token
            page = await self._run(_calls.get_page(request, deadline))
            response.fills.extend(page.fills)
            response.next_page_token = page.next_page_token
        return response

    async def list(
        self,
        *,
        statuses: Iterable[Union["pb.OrderState.Status", str]] = (),
        symbol: str = "",
        bracket_id: int = 0,
        page_size: int = 0,
        deadline: float = 10.0,
    ) -> AsyncIterator[pb.OrderState]:
        """Stored orders, newest first; see `ibkr_orders.Client.list`."""
        request = _calls.list_request(statuses, symbol, bracket_id, page_size)
        while True:
            page = await self._run(_calls.list_page(request, deadline))
            for order in page.orders:
                yield order
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
    ) -> AsyncIterator[Event]:
        """What happens to one order until it ends, or to every order (0) without end; see `ibkr_orders.Client.watch`."""
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
    ) -> AsyncIterator[pb.WatchAccountResponse]:
        """Positions and values of accounts as they change; see `ibkr_orders.Client.watch_account`."""
        return self._follow(AccountWatch(account, heartbeat=heartbeat, outage_max=outage_max, max_wait=max_wait))

    async def _follow(self, watch: Any) -> AsyncIterator[Any]:
        while True:
            stream: Any = None
            try:
                stream = self._call(watch.method)(watch.request(), metadata=self._settings.metadata())
                async for response in stream:
                    event = watch.take(response)
                    if event is not None:
                        yield event
                return
            except grpc.aio.AioRpcError as failed:
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
            await asyncio.sleep(watch.after(error, self._rotation.move))

    async def _run(self, call: Call[T]) -> T:
        attempts = call.attempts
        while True:
            try:
                method = self._call(call.method)
                return call.unwrap(
                    await method(call.request, timeout=attempts.call_timeout(), metadata=self._settings.metadata())
                )
            except grpc.aio.AioRpcError as failed:
                error: OrderError = order_error(failed)
            if self._closed:
                raise error
            await asyncio.sleep(attempts.after(error, self._rotation.move))

    def _call(self, name: str) -> Callable[..., Any]:
        method = METHODS[name]
        # A stream that nobody reads would hold up other calls of its connection: watches have one of their own.
        channel = self._channel("watch" if method.streams else "call")
        make = channel.unary_stream if method.streams else channel.unary_unary
        call: Callable[..., Any] = make(method.path, request_serializer=method.serialize, response_deserializer=method.parse)
        return call

    def _channel(self, use: str) -> grpc.aio.Channel:
        if self._closed:
            raise ValueError("the client is closed")
        address = self._rotation.current
        channel = self._channels.get((address, use))
        if channel is None:
            secure, where = target(address)
            options = self._settings.options()
            if secure:
                channel = grpc.aio.secure_channel(where, self._settings.credentials(), options)
            else:
                channel = grpc.aio.insecure_channel(where, options)
            self._channels[(address, use)] = channel
        return channel
