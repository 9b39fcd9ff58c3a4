"""An order gateway as a team would write it in an afternoon: grpc.aio, IB's own client in a thread, sqlite3.

A peer for the benchmarks, not an example to follow. It answers Place with the first status, as the gateway does, and
stores the order before it sends it; each request commits by itself. SQLITE_SYNCHRONOUS=FULL in WAL mode makes it as
durable as the gateway is; without it, SQLite's own defaults hold.
"""

import asyncio
import os
import sqlite3
import sys
import threading

import grpc
from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.order import Order as IbOrder
from ibapi.wrapper import EWrapper

import orders_pb2 as pb
import orders_pb2_grpc as rpc


class Tws(EWrapper, EClient):
    """IB's client; its callbacks run in its reader thread."""

    def __init__(self, loop):
        EClient.__init__(self, self)
        self.loop = loop
        self.ready = threading.Event()
        self.waiting = {}
        self.next_id = 0

    def nextValidId(self, orderId):
        self.next_id = orderId
        self.ready.set()

    def orderStatus(self, orderId, status, *_rest):
        self.loop.call_soon_threadsafe(self.tell, orderId, status, None)

    def error(self, reqId, errorTime, errorCode, errorString, advancedOrderRejectJson=""):
        if reqId > 0:
            self.loop.call_soon_threadsafe(self.tell, reqId, "REJECTED", errorString)

    def tell(self, order_id, status, text):
        waiter = self.waiting.pop(order_id, None)
        if waiter is not None and not waiter.done():
            waiter.set_result((status, text))


class Gateway(rpc.OrderServiceServicer):
    """Place and Validate, nothing else."""

    def __init__(self, tws, db):
        self.tws = tws
        self.db = db

    async def Validate(self, request, context):
        order = request.order
        errors = check(order)
        if errors:
            return pb.ValidateResponse(valid=False, errors=errors)
        return pb.ValidateResponse(valid=True, order_request=order)

    async def Place(self, request, context):
        order = request.order
        errors = check(order)
        if errors:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, errors[0].msg)
        order_id = self.tws.next_id
        self.tws.next_id += 1
        transmit = request.transmit or order.transmit
        with self.db:
            self.db.execute(
                "INSERT INTO orders VALUES (?,?,?,?,?,?,?,?,?)",
                (
                    order_id,
                    "SUBMITTING",
                    order.symbol,
                    order.action,
                    order.order_type,
                    order.quantity,
                    order.limit_price,
                    transmit,
                    request.request_id,
                ),
            )
        waiter = self.tws.loop.create_future()
        self.tws.waiting[order_id] = waiter
        contract = Contract()
        contract.symbol = order.symbol
        contract.secType = "STK"
        contract.exchange = order.exchange or "SMART"
        contract.currency = order.currency or "USD"
        ib = IbOrder()
        ib.action = pb.Order.Action.Name(order.action)
        ib.orderType = pb.Order.OrderType.Name(order.order_type)
        ib.totalQuantity = order.quantity
        if order.HasField("limit_price"):
            ib.lmtPrice = float(order.limit_price)
        ib.tif = "DAY"
        ib.transmit = transmit
        ib.orderRef = request.request_id
        self.tws.placeOrder(order_id, contract, ib)
        status, _text = await asyncio.wait_for(waiter, 30)
        with self.db:
            self.db.execute("UPDATE orders SET status = ? WHERE order_id = ?", (status, order_id))
        state = pb.OrderState(
            order_id=order_id,
            status=pb.OrderState.SUBMITTED,
            symbol=order.symbol,
            action=order.action,
            order_type=order.order_type,
            quantity=order.quantity,
            remaining=order.quantity,
            transmit=transmit,
            request_id=request.request_id,
        )
        return pb.PlaceResponse(submitted=True, order_id=order_id, state=state, request_id=request.request_id)


def check(order):
    """The first mistakes that come to mind."""
    errors = []
    if not order.symbol:
        errors.append(pb.OrderError(type="missing", loc=["symbol"], msg="symbol is required"))
    if order.action == pb.Order.ACTION_UNSPECIFIED:
        errors.append(pb.OrderError(type="missing", loc=["action"], msg="action is required"))
    try:
        if float(order.quantity) <= 0:
            errors.append(pb.OrderError(type="greater_than", loc=["quantity"], msg="quantity must be positive"))
    except ValueError:
        errors.append(pb.OrderError(type="decimal_parsing", loc=["quantity"], msg="quantity must be a number"))
    if order.order_type == pb.Order.LMT and not order.HasField("limit_price"):
        errors.append(pb.OrderError(type="missing", loc=["limit_price"], msg="a limit order needs limit_price"))
    return errors


async def main():
    tws_port, database = int(sys.argv[1]), sys.argv[2]
    db = sqlite3.connect(database)
    if os.environ.get("SQLITE_SYNCHRONOUS") == "FULL":
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
    db.execute(
        "CREATE TABLE IF NOT EXISTS orders (order_id INTEGER PRIMARY KEY, status, symbol, action, order_type, quantity,"
        " limit_price, transmit, request_id)"
    )
    db.commit()
    tws = Tws(asyncio.get_running_loop())
    tws.connect("127.0.0.1", tws_port, 7)
    threading.Thread(target=tws.run, daemon=True).start()
    await asyncio.to_thread(tws.ready.wait, 10)
    server = grpc.aio.server()
    rpc.add_OrderServiceServicer_to_server(Gateway(tws, db), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"ready 127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


asyncio.run(main())
