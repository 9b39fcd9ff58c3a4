"""IB's own Python client against the simulator: what a program written for TWS sees of it.

    python tests/outside/ib_python_client.py [--short] [--version N] [--binary PATH | --port PORT]

Needs a package that provides IB's client under the name `ibapi` in the Python that runs it; ib_python_client.sh makes
one environment for each such package. Without --port it starts `PATH simulate` on a free port, once for each part.
Prints a line per check and, last, "N passed, M failed"; exits 1 when a check failed. --short only connects and fills. --version
makes the client say that N is the highest server version it knows: below 201 it then speaks nothing but text, up to 212 text for
some messages and protobuf for others.
"""

import argparse
import sys
import threading
import time
from contextlib import nullcontext
from decimal import Decimal
from itertools import islice
from pathlib import Path

import ibapi.client
from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.order_cancel import OrderCancel
from ibapi.wrapper import EWrapper

sys.path.insert(0, str(Path(__file__).parent))
from simulated_tws import ROOT, WAIT_SECONDS_MAX, Checks, simulator

checks = Checks()
check = checks.check
# First version in which TWS tells the time in milliseconds, and first in which an order is protobuf.
MILLIS_VERSION, PROTOBUF_ORDER_VERSION = 197, 203
# First version in which a completed order is protobuf.
PROTOBUF_COMPLETED_VERSION = 204
# First version at which statuses were seen before completed orders.
STATUSES_VERSION = 225
# Time requests as TWS answers them; those for milliseconds apart, so that one can follow one for seconds.
SWITCHES = ("--switch=time-requests=once-a-second", "--switch=millis-requests=apart")


class Desk(EWrapper, EClient):
    """A client that writes down everything it is told, in the order in which it is told."""

    def __init__(self, port, client_id):
        EClient.__init__(self, self)
        self.told, self.news = [], threading.Condition()
        self.connect("127.0.0.1", port, client_id)
        self.listening = threading.Thread(target=self.run, daemon=True)
        self.listening.start()

    def tell(self, *event):
        with self.news:
            self.told.append(event)
            self.news.notify_all()

    def wait(self, wanted, since=0, count=1):
        """The events from `since` up to the count-th one that is wanted; fails after a while."""
        with self.news:
            found = lambda: next(islice((i for i, e in enumerate(self.told[since:], since) if wanted(e)), count - 1, None), None)
            self.news.wait_for(lambda: found() is not None, WAIT_SECONDS_MAX)
            if found() is None:
                raise TimeoutError(f"not told in {WAIT_SECONDS_MAX} s; told: {self.told[since:]}")
            return self.told[since : found() + 1]

    def after(self, act, wanted, count=1):
        since = len(self.told)
        act()
        return self.wait(wanted, since, count)

    def leave(self):
        # The socket is open for as long as the client's own reading thread waits on it.
        reading = self.reader
        self.disconnect()
        for thread in (reading, self.listening):
            thread.join(WAIT_SECONDS_MAX)

    def nextValidId(self, orderId):
        self.tell("id", orderId)

    def managedAccounts(self, accountsList):
        self.tell("accounts", accountsList)

    def error(self, reqId, errorTime, errorCode, errorString, advancedOrderRejectJson=""):
        self.tell("error", reqId, errorCode, errorString)

    def connectionClosed(self):
        self.tell("closed")

    def currentTime(self, time):
        self.tell("time", time)

    def currentTimeInMillis(self, timeInMillis):
        self.tell("millis", timeInMillis)

    def openOrder(self, orderId, contract, order, orderState):
        self.tell("open", orderId, orderState.status, contract, order, orderState)

    def openOrderEnd(self):
        self.tell("open end")

    def orderStatus(self, orderId, status, filled, remaining, avgFillPrice, permId, parentId, lastFillPrice, clientId, whyHeld, mktCapPrice):
        self.tell("status", orderId, status, filled, remaining, avgFillPrice, permId, clientId, whyHeld)

    def execDetails(self, reqId, contract, execution):
        self.tell("execution", reqId, contract, execution)

    def execDetailsEnd(self, reqId):
        self.tell("executions end", reqId)

    def commissionAndFeesReport(self, commissionAndFeesReport):
        self.tell("commission", commissionAndFeesReport)

    def completedOrder(self, contract, order, orderState):
        self.tell("completed", contract, order, orderState)

    def completedOrdersEnd(self):
        self.tell("completed end")

    def contractDetails(self, reqId, contractDetails):
        self.tell("contract", reqId, contractDetails)

    def contractDetailsEnd(self, reqId):
        self.tell("contract end", reqId)

    def orderBound(self, permId, clientId, orderId):
        self.tell("bound", permId, clientId, orderId)

    def position(self, account, contract, position, avgCost):
        self.tell("position", contract.symbol, position, avgCost, account, contract)

    def positionEnd(self):
        self.tell("positions end")

    def positionMulti(self, reqId, account, modelCode, contract, pos, avgCost):
        self.tell("position of request", contract.symbol, pos, reqId)

    def positionMultiEnd(self, reqId):
        self.tell("positions of request end", reqId)

    def updateAccountValue(self, key, val, currency, accountName):
        self.tell("value", key, currency, val, accountName)

    def updatePortfolio(self, contract, position, marketPrice, marketValue, averageCost, unrealizedPNL, realizedPNL, accountName):
        self.tell("portfolio", contract.symbol, position, marketPrice, marketValue, averageCost, unrealizedPNL, realizedPNL, accountName)

    def updateAccountTime(self, timeStamp):
        self.tell("values at", timeStamp)

    def accountDownloadEnd(self, accountName):
        self.tell("values end", accountName)

    def accountSummary(self, reqId, account, tag, value, currency):
        self.tell("summary", reqId, tag, value, currency, account)

    def accountSummaryEnd(self, reqId):
        self.tell("summary end", reqId)

    def accountUpdateMulti(self, reqId, account, modelCode, key, value, currency):
        self.tell("value of request", key, currency, value, reqId)

    def accountUpdateMultiEnd(self, reqId):
        self.tell("values of request end", reqId)

    def pnl(self, reqId, dailyPnL, unrealizedPnL, realizedPnL):
        self.tell("pnl", reqId, dailyPnL, unrealizedPnL, realizedPnL)

    def pnlSingle(self, reqId, pos, dailyPnL, unrealizedPnL, realizedPnL, value):
        self.tell("pnl of position", reqId, pos, dailyPnL, unrealizedPnL, realizedPnL, value)


def stock(symbol):
    contract = Contract()
    contract.symbol, contract.secType, contract.exchange, contract.currency = symbol, "STK", "SMART", "USD"
    return contract


def order(kind, quantity, price=None, **fields):
    made = Order()
    made.action, made.orderType, made.totalQuantity, made.tif = "BUY", kind, Decimal(quantity), "DAY"
    if price is not None:
        made.lmtPrice = price
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def status(id, word):
    return lambda event: event[:3] == ("status", id, word)


def error(id, code):
    return lambda event: event[:3] == ("error", id, code)


def kinds(events):
    return [event[0] if event[0] not in ("open", "status") else f"{event[0]} {event[2]}" for event in events]


def place(desk, id, symbol, made, wanted, count=1):
    return desk.after(lambda: desk.placeOrder(id, stock(symbol), made), wanted, count)


def cancel(desk, id, wanted):
    return desk.after(lambda: desk.cancelOrder(id, OrderCancel()), wanted)


def first_id(desk):
    return desk.wait(lambda event: event[0] == "id")[-1][1]


def session(port):
    desk = Desk(port, 7)
    told = desk.wait(error(-1, 2158))
    check("the server version is the highest that both speak", desk.serverVersion() == min(226, ibapi.client.MAX_CLIENT_VER),
          desk.serverVersion())
    check("accounts come before the next id, farms after it",
          [event[0] for event in told] == ["accounts", "id", "error", "error", "error"], told)
    check("the account is a paper account", told[0][1].startswith("DU"), told[0])
    check("the next id of a new client is 1", told[1][1] == 1, told[1])
    now = desk.after(desk.reqCurrentTime, lambda event: event[0] == "time")[-1][1]
    check("TWS tells the time", abs(now - time.time()) < 10, now)
    if desk.serverVersion() >= MILLIS_VERSION:
        millis = desk.after(desk.reqCurrentTimeInMillis, lambda event: event[0] == "millis")[-1][1]
        check("and in milliseconds", abs(millis / 1000 - time.time()) < 10, millis)
    told = desk.after(lambda: (desk.reqCurrentTime(), desk.reqIds(-1)), lambda event: event[0] == "id")
    check("a second question within a second stays unanswered", kinds(told) == ["id"], told)
    again = desk.after(lambda: desk.reqIds(-1), lambda event: event[0] == "id")[-1][1]
    check("reqIds answers the next id", again == 1, again)
    details = desk.after(lambda: desk.reqContractDetails(9001, stock("AAPL")), lambda event: event[0] == "contract end")
    check("contract details name the contract", details[0][2].contract.conId == 265598 and details[0][2].minTick == 0.01, details)
    told = desk.after(lambda: desk.reqContractDetails(9002, stock("ZZZZ")), error(9002, 200))
    check("an unknown contract is error 200", True, told)
    return desk


def market_fill(desk):
    id = first_id(desk)
    told = place(desk, id, "AAPL", order("MKT", 100, orderRef="first"), lambda event: event[0] == "commission")
    check("a market order is reported as TWS reports it", kinds(told) == [
        "open PreSubmitted", "status PreSubmitted", "open Submitted", "status Submitted", "execution",
        "open Filled", "status Filled", "open Filled", "status Filled", "commission"], kinds(told))
    execution, fee = told[4][3], told[-1][1]
    check("the execution carries client, order, reference and permanent id",
          (execution.clientId, execution.orderId, execution.orderRef, execution.shares) == (7, id, "first", 100)
          and execution.permId > 0 and execution.side == "BOT" and told[4][1] == -1, vars(execution))
    check("the commission names its execution", fee.execId == execution.execId and fee.commissionAndFees >= 1, vars(fee))
    filled = told[6]
    check("the filled status has quantities, price and client", (filled[3], filled[4], filled[7]) == (100, 0, 7)
          and filled[5] == execution.price, filled)
    echo, state = told[7][4], told[7][5]
    check("the echo has account, permanent id, reference and intent",
          echo.account.startswith("DU") and echo.permId == execution.permId and echo.orderRef == "first"
          and echo.clearingIntent == "IB" and echo.adjustedOrderType == "None" and echo.dontUseAutoPriceForHedge, vars(echo))
    check("the state has the commission", state.commissionAndFees >= 1 and state.commissionAndFeesCurrency == "USD", vars(state))
    if desk.serverVersion() >= PROTOBUF_ORDER_VERSION:
        check("and the time and words of completion",
              state.completedStatus == "Filled Size: 100" and "US/Eastern" in state.completedTime, vars(state))
    told = place(desk, id, "AAPL", order("MKT", 1), error(id, 104))
    check("a filled order cannot be modified (104)", kinds(told) == ["error"], told)
    told = cancel(desk, id, error(id, 10148))
    check("nor cancelled (10148)", "cannot be cancelled, state: Filled." in told[-1][3], told)
    return id


def resting_limit(desk, id):
    told = place(desk, id, "AAPL", order("LMT", 10, 100.0), status(id, "Submitted"))
    check("a limit order far away rests", kinds(told)[-2:] == ["open Submitted", "status Submitted"], told)
    told = place(desk, id, "AAPL", order("LMT", 20, 101.0), status(id, "Submitted"), 2)
    check("placed again it is replaced: its pair with the new values, twice", kinds(told) == ["open Submitted", "status Submitted"] * 2
          and all(event[4].lmtPrice == 101.0 for event in told[::2]) and told[-1][4] == 20, told)
    told = place(desk, id, "AAPL", order("LMT", 20, 101.001), error(id, 110))
    check("a modification off the tick is refused", kinds(told) == ["error"], told)
    told = place(desk, id, "MSFT", order("LMT", 20, 101.0), error(id, 105))
    check("a modification of the contract too (105)", kinds(told) == ["error"], told)
    told = desk.after(desk.reqOpenOrders, lambda event: event[0] == "open end")
    check("open orders list it", kinds(told) == ["open Submitted", "status Submitted", "open end"], told)
    told = cancel(desk, id, error(id, 202))
    check("a cancel is Cancelled with the rest kept, then 202",
          kinds(told) == ["status Cancelled", "error"] and told[0][4] == 20 and told[1][3] == "Order Canceled - reason:", told)
    told = cancel(desk, id, error(id, 10148))
    check("a second cancel is 10148", told[-1][3] == f"OrderId {id} that needs to be cancelled cannot be cancelled, state: Cancelled.", told)


def staged(desk, id):
    made = order("LMT", 5, 100.0, transmit=False)
    told = desk.after(lambda: (desk.placeOrder(id, stock("AAPL"), made), desk.reqIds(-1)), lambda event: event[0] == "id")
    check("a staged order is silent, and its id used", kinds(told) == ["id"] and told[0][1] == id + 1, told)
    told = desk.after(desk.reqAllOpenOrders, lambda event: event[0] == "open end")
    check("and in no snapshot", kinds(told) == ["open end"], told)
    told = place(desk, id, "AAPL", order("LMT", 5, 100.0), status(id, "Submitted"))
    check("placed again with transmit it works", told[-1][4] == 5, told)
    cancel(desk, id, error(id, 202))
    desk.placeOrder(id + 1, stock("AAPL"), made)
    told = cancel(desk, id + 1, error(id + 1, 161))
    check("cancelled while staged it is discarded: Cancelled, 202, 161", [event[2] for event in told] == ["Cancelled", 202, 161]
          and told[1][3] == "Order Canceled - reason:Order was discarded.", told)
    told = place(desk, id + 1, "AAPL", order("LMT", 5, 100.0), error(id + 1, 103))
    check("and its id is spent (103)", told[-1][3] == "Duplicate order id", told)


def refusals(desk, id):
    cases = [
        ("an unknown symbol is 200", "ZZZZ", order("LMT", 1, 100.0), 200, "No security definition has been found for the request"),
        ("a price off the tick is 110", "AAPL", order("LMT", 1, 100.001), 110, "The price does not conform"),
        ("an order type that does not exist is 321", "AAPL", order("FEELINGS", 1, 10.0), 321, "cause - Invalid order type was entered"),
        ("another account is 321", "AAPL", order("LMT", 1, 100.0, account="DU99"), 321, "Invalid account code"),
        ("an old id is 103", "AAPL", order("LMT", 1, 100.0), 103, "Duplicate order id"),
    ]
    for number, (sentence, symbol, made, code, text) in enumerate(cases):
        at = id + number if code != 103 else id
        told = place(desk, at, symbol, made, error(at, code))
        check(sentence + ", and nothing else", kinds(told) == ["error"] and text in told[-1][3], told)
    id += len(cases)
    if desk.serverVersion() >= PROTOBUF_ORDER_VERSION:
        told = place(desk, id, "AAPL", order("LMT", 1, 100.0, tif=""), error(id, 10052))
        check("a time in force that is left out is 10052", told[-1][3] == "Invalid time in force:Empty", told)
    else:
        told = place(desk, id, "AAPL", order("LMT", 1, 100.0, tif=""), status(id, "Submitted"))
        check("an empty time in force is filled in, which is told", told[0][:3] == ("error", id, 10349)
              and told[-2][4].tif == "DAY", told)
        cancel(desk, id, error(id, 202))
    id += 1
    told = place(desk, id, "AAPL", order("MKT", 1_000_000), error(id, 201))
    check("beyond the buying power: Inactive, then 201", kinds(told) == ["open Inactive", "status Inactive", "error"]
          and told[-1][3].startswith("Order rejected - reason:"), told)
    told = cancel(desk, 99999, error(99999, 10147))
    check("a cancel of nothing is 10147", told[-1][3] == "OrderId 99999 that needs to be cancelled is not found.", told)
    told = place(desk, id + 1, "AAPL", order("LMT", 1, 100.0, tif="IOC"), error(id + 1, 202))
    check("IOC that cannot fill: PendingCancel, Cancelled, 202",
          kinds(told)[-4:] == ["open PendingCancel", "status PendingCancel", "status Cancelled", "error"], kinds(told))
    told = place(desk, id + 2, "AAPL", order("LMT", 1, 100.0, tif="FOK"), error(id + 2, 201))
    check("FOK that cannot fill: Inactive, then 201", kinds(told) == ["open Inactive", "status Inactive", "error"], kinds(told))
    told = place(desk, id + 3, "AAPL", order("MKT", 1, tif="OPG"), error(id + 3, 399))
    check("OPG waits for the opening: PreSubmitted and a warning", kinds(told)[:2] == ["open PreSubmitted", "status PreSubmitted"]
          and "\nWarning: Your order will not be placed at the exchange until" in told[-1][3], told)
    cancel(desk, id + 3, error(id + 3, 202))
    return id + 4


def reconnect(desk, port, id):
    place(desk, id, "MSFT", order("LMT", 3, 100.0, tif="GTC", orderRef="stays"), status(id, "Submitted"))
    desk.leave()
    desk = Desk(port, 7)
    told = desk.wait(lambda event: event[0] == "id")
    check("a reconnect lists open orders, then accounts, then the id",
          kinds(told) == ["open Submitted", "status Submitted", "open end", "accounts", "id"], kinds(told))
    check("with reference and quantity, and the next id above it",
          told[0][1] == id and told[0][4].orderRef == "stays" and told[0][4].tif == "GTC" and told[-1][1] == id + 1, told)
    told = desk.after(lambda: desk.reqExecutions(77, ExecutionFilter()), lambda event: event[0] == "executions end")
    check("executions are repeated with the request's id, then their commissions",
          kinds(told) == ["execution", "commission", "executions end"] and told[0][1] == 77, kinds(told))
    some = ExecutionFilter()
    some.symbol = "MSFT"
    told = desk.after(lambda: desk.reqExecutions(78, some), lambda event: event[0] == "executions end")
    check("a filter keeps out what it does not name", kinds(told) == ["executions end"], kinds(told))
    told = desk.after(lambda: desk.reqCompletedOrders(False), lambda event: event[0] == "completed end")
    rows = [event for event in told if event[0] == "completed"]
    statuses = [event[2] for event in told if event[0] == "status"]
    told_first = len(rows) if desk.serverVersion() >= STATUSES_VERSION else 0
    check("an orderStatus of each ended order of one's own comes before them, from version 225 on", len(statuses) == told_first
          and kinds(told)[:told_first] == [f"status {word}" for word in statuses], kinds(told))
    first = rows[0]
    # The text protocol has no place for them.
    ids = (7, 1) if desk.serverVersion() >= PROTOBUF_COMPLETED_VERSION else (0, 0)
    check("completed orders have the unfilled quantity, client and order id",
          first[2].orderRef == "first" and first[2].shareholder and "US/Eastern" in first[3].completedTime and first[2].totalQuantity == 0
          and (first[2].clientId, first[2].orderId) == ids
          and first[3].status == "Filled" and first[3].completedStatus == "Filled Size: 100", vars(first[2]))
    check("a cancelled one keeps its quantity", any(row[3].completedStatus == "Cancelled by Trader" and row[2].totalQuantity == 20
                                                   for row in rows), [vars(row[2]) for row in rows])
    check("one that money refused is listed as cancelled; discarded ones, and what never was an order, are not",
          [row[3].status for row in rows] == ["Filled"] + ["Cancelled"] * (
              6 if desk.serverVersion() >= PROTOBUF_ORDER_VERSION else 7), [(row[2].totalQuantity, row[3].status) for row in rows])
    return desk, id + 1


def two_clients(desk, port, id):
    other = Desk(port, 8)
    own = first_id(other)
    check("another client has ids of its own", own == 1, own)
    place(other, own, "IBM", order("LMT", 1, 100.0), status(own, "Submitted"))
    told = desk.after(desk.reqOpenOrders, lambda event: event[0] == "open end")
    check("open orders are one's own", kinds(told).count("open Submitted") == 1, kinds(told))
    told = desk.after(desk.reqAllOpenOrders, lambda event: event[0] == "open end")
    rows = [event[4].clientId for event in told if event[0] == "open"]
    check("all open orders are everyone's, with their client", rows == [7, 8], rows)
    told = cancel(desk, own + 1000, error(own + 1000, 10147))
    check("nobody cancels another client's order (10147)", bool(told), told)
    third = Desk(port, 7)
    told = third.wait(lambda event: event[0] == "closed")
    refused = [event for event in told if event[0] == "error" and event[2] == 326]
    check("a client id in use is 326, then the socket is closed",
          refused and "Unable to connect as the client id is already in use." in refused[0][3], told)
    told = other.after(lambda: desk.reqGlobalCancel(OrderCancel()), error(own, 202))
    check("a global cancel reaches everyone", kinds(told) == ["status Cancelled", "error"], told)
    desk.wait(error(id - 1, 202))
    other.leave()


def stops(desk, id):
    cases = [
        ("a stop", order("STP", 10, auxPrice=100.0), dict(auxPrice=100.0, lmtPrice=0.0)),
        ("a stop limit", order("STP LMT", 10, 99.0, auxPrice=100.0), dict(auxPrice=100.0, lmtPrice=99.0)),
        # So far from the market that it does not trail yet.
        ("a trailing stop", order("TRAIL", 10, auxPrice=100.0, trailStopPrice=150.0), dict(auxPrice=100.0, trailStopPrice=150.0)),
        ("a trailing stop by percent", order("TRAIL", 10, trailingPercent=50.0, trailStopPrice=150.0),
         dict(trailingPercent=50.0, trailStopPrice=150.0)),
        ("a trailing stop limit", order("TRAIL LIMIT", 10, auxPrice=100.0, trailStopPrice=150.0, lmtPriceOffset=0.05),
         dict(trailStopPrice=150.0, lmtPriceOffset=0.05, lmtPrice=149.95)),
    ]
    for name, made, shown in cases:
        made.action = "SELL"
        # As often as each was recorded.
        pairs = {"TRAIL": 3, "TRAIL LIMIT": 4}.get(made.orderType, 2)
        told = place(desk, id, "AAPL", made, status(id, "PreSubmitted"), pairs)
        echo = {name: getattr(told[-2][4], name) for name in shown}
        check(f"{name} waits for its trigger, and is shown with its prices", kinds(told) == ["open PreSubmitted", "status PreSubmitted"] * pairs
              and told[-1][8] == "trigger" and echo == shown, (kinds(told), told[-1], echo))
        if made.orderType == "STP":
            made.auxPrice = 101.0
            told = place(desk, id, "AAPL", made, status(id, "PreSubmitted"), 2)
            check("replaced it has its new stop, twice, and its permanent id", [event[4].auxPrice for event in told[::2]] == [101.0] * 2
                  and len({event[6] for event in told[1::2]}) == 1 and told[-1][8] == "trigger", told)
        told = cancel(desk, id, error(id, 202))
        check("cancelled it is no longer held", kinds(told) == ["status Cancelled", "error"] and not told[0][8], told)
        id += 1
    made = order("STP", 10, auxPrice=100.0)
    told = place(desk, id, "AAPL", made, lambda event: event[0] == "commission")
    check("a stop on the wrong side of the market goes off at once", "execution" in kinds(told) and kinds(told)[0] == "open PreSubmitted", kinds(told))
    return id + 1


def what_if(desk, id):
    told = place(desk, id, "AAPL", order("LMT", 100, 200.0, whatIf=True), lambda event: event[0] == "open")
    state = told[0][5]
    changes = [float(state.initMarginChange), float(state.maintMarginChange), float(state.equityWithLoanChange)]
    check("a what-if answers margins and commission in one openOrder, with a permanent id", kinds(told) == ["open PreSubmitted"]
          and told[0][4].whatIf and told[0][4].permId > 0 and changes[0] > changes[1] > 0 > changes[2]
          and 0 < state.commissionAndFees < 10 and state.commissionAndFeesCurrency == "USD", vars(state))
    told = place(desk, id + 1, "AAPL", order("LMT", 100, 200.0, whatIf=True, transmit=False), error(id + 1, 413))
    check("without transmit it is 413", kinds(told) == ["error"], told)
    told = place(desk, id + 2, "ZZZZ", order("LMT", 100, 200.0, whatIf=True), error(id + 2, 200))
    check("of an unknown symbol 200, and nothing else", kinds(told) == ["error"], told)
    told = desk.after(desk.reqOpenOrders, lambda event: event[0] == "open end")
    check("and nothing of it works", kinds(told) == ["open end"], kinds(told))
    return id + 3


def legs(desk, id, parent, target, stop):
    for number, (made, parent_id) in enumerate([(parent, 0), (target, id), (stop, id)]):
        made.parentId, made.transmit = parent_id, number == 2
        made.action = "SELL" if number else "BUY"
        desk.placeOrder(id + number, stock("AAPL"), made)


def bracket(desk, id):
    three = lambda **parent: (parent["made"], order("LMT", 10, 400.0), order("STP", 10, auxPrice=120.0))
    told = desk.after(lambda: legs(desk, id, *three(made=order("LMT", 10, 150.0))), status(id + 2, "PreSubmitted"))
    first = {event[1]: event for event in reversed(told) if event[0] == "status"}
    echoes = {event[1]: event[4] for event in told if event[0] == "open"}
    heard = [event[1] for event in told if event[0] == "open"]
    check("a bracket is shown when its last leg is transmitted, leg by leg", sorted(set(heard), key=heard.index) == [id, id + 1, id + 2], heard)
    check("its children are held for their parent", (first[id + 1][8], first[id + 2][8]) == ("child", "child,trigger") and not first[id][8], first)
    check("in a group named after the parent's permanent id, of type 3", all(
        (echoes[leg].ocaGroup, echoes[leg].ocaType, echoes[leg].parentId) == (str(echoes[id].permId), 3, id) for leg in (id + 1, id + 2))
        or desk.serverVersion() < 191, {leg: vars(echo) for leg, echo in echoes.items()})
    since = len(desk.told)
    told = cancel(desk, id, error(id + 2, 202))
    ended = [desk.wait(error(leg, 202), since)[-1] for leg in (id, id + 1, id + 2)]
    check("the parent takes them along, each with its 202", len(ended) == 3, told)
    told = cancel(desk, id + 1, error(id + 1, 10148))
    check("a cancel of such a child finds it ended (10148)", bool(told), told)
    id += 3
    told = desk.after(lambda: legs(desk, id, *three(made=order("MKT", 10))), lambda event: event[0] == "commission")
    check("a market parent fills, and nothing is said of its children then", "execution" in kinds(told), kinds(told))
    told = cancel(desk, id + 1, error(id + 1, 202))
    said = [event[1:3] for event in told if event[0] in ("status", "error") and event[2] in ("Cancelled", 202)]
    check("the cancel of one child cancels its sibling first", said == [
        (id + 2, "Cancelled"), (id + 2, 202), (id + 1, "Cancelled"), (id + 1, 202)], said)
    id += 3
    trail = order("TRAIL", 10, auxPrice=5.0)
    told = desk.after(lambda: legs(desk, id, order("MKT", 10), order("LMT", 10, 400.0), trail), error(id + 2, 328))
    check("a trailing child of a market parent is 328, and nothing else is said", kinds(told) == ["error"], told)
    told = desk.after(lambda: desk.reqGlobalCancel(OrderCancel()), error(id, 161))
    said = [event[1:3] for event in told if event[1] in (id, id + 1)]
    check("a global cancel ends the staged parent: Cancelled, 202, 161; of its staged child nothing is said", said == [
        (id, "Cancelled"), (id, 202), (id, 161)] and any("Order was discarded." in str(event[3]) for event in told), told)
    told = desk.after(lambda: desk.placeOrder(id + 3, stock("AAPL"), order("LMT", 10, 400.0, parentId=9999)), error(id + 3, 10006))
    check("a child without a parent is 10006", kinds(told)[-1] == "error", told)
    return id + 4


def groups(desk, id):
    group = f"group {id}"
    for leg, price in ((id, 100.0), (id + 1, 101.0)):
        told = place(desk, leg, "AAPL", order("LMT", 10, price, ocaGroup=group, ocaType=1), status(leg, "Submitted"))
        check("a member of a group shows it, and waits for nothing", told[-2][4].ocaGroup == group and told[-2][4].ocaType == 1
              and not told[-1][8], told)
    desk.placeOrder(id + 1, stock("AAPL"), order("LMT", 10, 233.0, ocaGroup=group, ocaType=1))
    told = desk.wait(error(id, 202))
    check("when one has filled the other is cancelled", status(id, "Cancelled") in told or any(
        event[:3] == ("status", id, "Cancelled") for event in told), kinds(told))
    return id + 2


def positions(desk, id, account):
    end = lambda event: event[0] == "positions end"
    told = desk.after(desk.reqPositions, end)
    check("positions are listed with account and listing exchange, then the end", told[0][1] == "AAPL" and told[0][4] == account
          and (told[0][5].conId, told[0][5].secType, told[0][5].exchange) == (265598, "STK", "NASDAQ"), told)
    moved = lambda event: event[:2] == ("position", "IBM")
    told = place(desk, id, "IBM", order("MKT", 100), moved)
    paid = sum(event[3].price * float(event[3].shares) for event in told if event[0] == "execution")
    fees = sum(event[1].commissionAndFees for event in told if event[0] == "commission")
    check("a position follows its fill, the commission in its average cost", told[-1][2] == 100
          and abs(told[-1][3] - (paid + fees) / 100) < 1e-6, (told[-1], paid, fees))
    told = place(desk, id + 1, "IBM", order("MKT", 100, action="SELL"), moved)
    fee = next(event[1] for event in reversed(told) if event[0] == "commission")
    check("closed it is 0 at 0, and the commission report has the profit", told[-1][2:4] == (0, 0.0) and fee.realizedPNL < 0, told[-1])
    told = desk.after(desk.reqPositions, end)
    rows = {event[1]: event[2] for event in told if event[0] == "position"}
    check("it is still listed", rows["IBM"] == 0 and rows["AAPL"] != 0, rows)
    desk.cancelPositions()
    desk.reqPositionsMulti(40, account, "")
    told = desk.wait(lambda event: event == ("positions of request end", 40))
    check("positions of one account come under the request's id", [event[1] for event in told if event[0] == "position of request"]
          == sorted(rows), kinds(told[-3:]))
    desk.cancelPositionsMulti(40)
    return id + 2


def account_values(desk, id, account):
    end = lambda event: event == ("values end", account)
    told = desk.after(lambda: desk.reqAccountUpdates(True, account), end)
    values = {event[1:3]: event[3] for event in told if event[0] == "value"}
    check("account values begin with the account's code", told[0][:4] == ("value", "AccountCode", "", account), told[0])
    check("they say that they are ready, in the account's currency, in all, and in each",
          values[("AccountReady", "")] == "true" and float(values[("NetLiquidation", "EUR")]) > 0
          and values[("CashBalance", "BASE")] and values[("CashBalance", "USD")] and values[("ExchangeRate", "EUR")] == "1.00", values)
    last = [event[0] for event in told[-4:]]
    check("the portfolio comes after them, each row with the time, then the end", last == ["portfolio", "values at", "values at", "values end"]
          and {event[1] for event in told if event[0] == "portfolio"} >= {"AAPL", "IBM"}, last)
    margin = float(values[("InitMarginReq", "EUR")])
    since = len(desk.told)
    place(desk, id, "KO", order("MKT", 1000), lambda event: event[0] == "commission")
    told = desk.wait(lambda event: event[:3] == ("value", "InitMarginReq", "EUR"), since)
    check("a fill moves the margin within a second", float(told[-1][3]) > margin, (margin, told[-1]))
    told = desk.wait(lambda event: event[:2] == ("portfolio", "KO"), since)
    check("and then shows every position", told[-1][2] == 1000 and told[-1][3] > 0 and told[-1][8] == account, told[-1])
    told = desk.after(lambda: desk.reqAccountUpdates(False, account), error(-1, 2100))
    check("one's own unsubscription is told with 2100", told[-1][3] == "API client has been unsubscribed from account data.", told[-1])
    told = desk.after(lambda: desk.reqAccountUpdates(True, "All"), error(-1, 321))
    check("All is no account", bool(told), told)
    desk.reqAccountUpdatesMulti(50, account, "", True)
    told = desk.wait(lambda event: event == ("values of request end", 50))
    keys = {event[1] for event in told if event[0] == "value of request"}
    check("cash and net liquidation alone can be asked for", "NetLiquidation" in keys and "CashBalance" in keys and "BuyingPower" not in keys, keys)
    desk.cancelAccountUpdatesMulti(50)
    told = desk.after(lambda: desk.reqPnL(60, account, ""), lambda event: event[0] == "pnl")
    check("profit and loss has three figures", told[-1][1] == 60 and all(isinstance(figure, float) for figure in told[-1][2:]), told[-1])
    desk.cancelPnL(60)
    told = desk.after(lambda: desk.reqPnLSingle(61, account, "", 8894), lambda event: event[0] == "pnl of position")
    check("of a position it has its quantity and value", told[-1][1:3] == (61, 1000) and told[-1][6] > 0, told[-1])
    desk.cancelPnLSingle(61)
    return id + 1


def summary(desk):
    tags = "NetLiquidation,TotalCashValue,BuyingPower"
    end = lambda id: lambda event: event == ("summary end", id)
    told = desk.after(lambda: desk.reqAccountSummary(70, "All", tags), end(70))
    check("a summary has a row for each tag, by name, in the account's currency", [event[2:5:2] for event in told[:-1]] == [
        ("BuyingPower", "EUR"), ("NetLiquidation", "EUR"), ("TotalCashValue", "EUR")], told)
    desk.after(lambda: desk.reqAccountSummary(71, "All", "$LEDGER:ALL"), end(71))
    desk.cancelAccountSummary(70)
    desk.cancelAccountSummary(71)
    told = desk.after(lambda: desk.reqAccountSummary(72, "All", tags), error(72, 322))
    check("a third request id is 322, though the others are cancelled", "Maximum number of account summary requests" in told[-1][3], told)
    told = desk.after(lambda: desk.reqAccountSummary(70, "All", tags), end(70))
    check("one that was used before works again", len(told) == 4, told)


def fill_only(port):
    desk = Desk(port, 7)
    id = first_id(desk)
    told = place(desk, id, "AAPL", order("MKT", 100), lambda event: event[0] == "commission")
    check(f"a client of version {desk.serverVersion()} connects and fills",
          desk.serverVersion() == min(226, ibapi.client.MAX_CLIENT_VER) and "status Filled" in kinds(told) and "execution" in kinds(told), kinds(told))
    desk.leave()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--binary", default=str(ROOT / "target/debug/ibkr-orders"))
    parser.add_argument("--port", type=int)
    parser.add_argument("--version", type=int)
    arguments = parser.parse_args()
    if arguments.version:
        ibapi.client.MAX_CLIENT_VER = arguments.version
    with nullcontext(arguments.port) if arguments.port else simulator(arguments.binary, *SWITCHES) as port:
        try:
            if arguments.short:
                fill_only(port)
            else:
                desk = session(port)
                id = market_fill(desk)
                resting_limit(desk, id + 1)
                staged(desk, id + 2)
                id = refusals(desk, id + 4)
                desk, id = reconnect(desk, port, id)
                two_clients(desk, port, id)
                account = next(event[1] for event in desk.told if event[0] == "accounts")
                desk.leave()
                # A client of its own, so that it sees no order of the others.
                desk = Desk(port, 9)
                id = stops(desk, first_id(desk))
                id = what_if(desk, id)
                id = bracket(desk, id)
                id = groups(desk, id)
                id = positions(desk, id, account)
                account_values(desk, id, account)
                summary(desk)
                desk.leave()
        except (TimeoutError, RuntimeError) as problem:
            check("every part was told what it waited for", False, problem)
    return checks.report()


if __name__ == "__main__":
    import logging

    logging.disable(logging.CRITICAL)
    sys.exit(main())
