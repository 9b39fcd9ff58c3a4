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
from typing import Any, AsyncIterator, Callable, Dict, Iterable, Optional, Tuple, Type, Union

import grpc
import grpc.aio

from ._client import RequestIdHook, list_request
from ._errors import OrderError, order_error
from ._events import Event
from ._pb import orders_pb2 as pb
from ._policy import Attempts, WatchState, log, new_request_id, place_request, refer, seconds
from ._transport import METHODS, Rotation, Settings, target

__all__ = ["Client"]


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

    async def health(self, *, deadline: float = 10.0, timeout: float = 5.0) -> pb.HealthResponse:
        """Whether orders can be placed now, and why not."""
        request = pb.HealthRequest()
        seconds(request.timeout, timeout)
        response: pb.HealthResponse = await self._repeat("Health", request, Attempts.start(deadline, timeout))
        return response

    async def validate(self, order: pb.Order, *, transmit: bool = False, deadline: float = 10.0) -> pb.ValidateResponse:
        """Checks an order; every violation is in `errors`."""
        request = pb.ValidateRequest(order=order, transmit=transmit)
        response: pb.ValidateResponse = await self._repeat("Validate", request, Attempts.start(deadline, deadline))
        return response

    async def place(
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
        """Places an order, once; see `ibkr_orders.Client.place`. A task that is cancelled meanwhile leaves the outcome unknown: keep the
        request id (`on_request_id`)."""
        request_id = request_id or new_request_id()
        if on_request_id is not None:
            on_request_id(request_id)
        log.info("place %s %s %s under request id %s", order.symbol, order.quantity, "at once" if transmit else "staged", request_id)
        request = place_request(order, transmit, dry_run, timeout, request_id)
        response: pb.PlaceResponse = await self._repeat("Place", request, Attempts.start(deadline, timeout, request_id))
        return response

    async def transmit(
        self, order_id: Optional[int] = None, *, placed_as: Optional[str] = None, deadline: float = 15.0, timeout: float = 5.0
    ) -> pb.OrderState:
        """Releases a staged order. Safe to repeat."""
        request = pb.TransmitRequest()
        refer(request, order_id, placed_as)
        seconds(request.timeout, timeout)
        response: pb.TransmitResponse = await self._repeat("Transmit", request, Attempts.start(deadline, timeout))
        return response.order

    async def cancel(
        self, order_id: Optional[int] = None, *, placed_as: Optional[str] = None, deadline: float = 15.0, timeout: float = 5.0
    ) -> pb.OrderState:
        """Cancels an order and answers with TWS's verdict, or with the state as it is after `timeout`. Safe to repeat."""
        request = pb.CancelRequest()
        refer(request, order_id, placed_as)
        seconds(request.timeout, timeout)
        response: pb.CancelResponse = await self._repeat("Cancel", request, Attempts.start(deadline, timeout))
        return response.order

    async def get(
        self, order_id: Optional[int] = None, *, placed_as: Optional[str] = None, deadline: float = 10.0
    ) -> pb.GetResponse:
        """One order and its fills, as stored."""
        request = pb.GetRequest()
        refer(request, order_id, placed_as)
        response: pb.GetResponse = await self._repeat("Get", request, Attempts.start(deadline, deadline))
        while response.next_page_token:
            request.page_token = response.next_page_token
            page: pb.GetResponse = await self._repeat("Get", request, Attempts.start(deadline, deadline))
            response.fills.extend(page.fills)
            response.next_page_token = page.next_page_token
        return response

    async def list(
        self,
        *,
        statuses: Iterable[Union["pb.OrderState.Status", str]] = (),
        symbol: str = "",
        page_size: int = 0,
        deadline: float = 10.0,
    ) -> AsyncIterator[pb.OrderState]:
        """Stored orders, newest first, page by page as they are asked for. `deadline` is for each page."""
        request = list_request(statuses, symbol, page_size)
        while True:
            page: pb.ListResponse = await self._repeat("List", request, Attempts.start(deadline, deadline))
            for order in page.orders:
                yield order
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def watch(
        self,
        order_id: int = 0,
        *,
        placed_as: Optional[str] = None,
        after_sequence: int = 0,
        heartbeat: float = 1.0,
        outage_max: float = 60.0,
        max_wait: Optional[float] = None,
    ) -> AsyncIterator[Event]:
        """What happens to one order until it ends, or to every order (0) without end; see `ibkr_orders.Client.watch`."""
        state = WatchState.start(order_id, placed_as, after_sequence, heartbeat, outage_max, max_wait)
        while True:
            stream: Any = None
            try:
                stream = self._call("Watch")(state.request(), metadata=self._settings.metadata())
                async for response in stream:
                    state.heard()
                    event = state.cursor.take(response)
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
            changed = state.cursor.history_changed(error)
            if changed is not None:
                yield changed
                continue
            await asyncio.sleep(state.after(error, self._rotation.move))

    async def _repeat(self, method: str, request: Any, attempts: Attempts) -> Any:
        while True:
            try:
                call = self._call(method)
                return await call(request, timeout=attempts.call_timeout(), metadata=self._settings.metadata())
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
