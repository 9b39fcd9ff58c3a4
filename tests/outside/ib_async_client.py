"""ib_async against the simulator: what a program sees of it that speaks the text protocol.

    python tests/outside/ib_async_client.py [--binary PATH]

Needs ib_async in the Python that runs it; text_clients.sh makes an environment for it. Nothing of the client is changed: it is
used as its own documentation says. Starts `PATH simulate` on a free port, prints a line per check and, last,
"N passed, M failed"; exits 1 when a check failed.
"""

import argparse
import logging
import sys
import time
from pathlib import Path

from ib_async import IB, LimitOrder, MarketOrder, Order, Stock

sys.path.insert(0, str(Path(__file__).parent))
from simulated_tws import ROOT, Checks, simulator

WAIT_SECONDS_MAX = 10
ACCOUNT = "DU1234567"
checks = Checks()
check = checks.check


class Desk(IB):
    """The client, and what it was told: errors by order id, and the words of each order as they came."""

    def __init__(self, port, client_id):
        super().__init__()
        self.errors = []
        self.errorEvent += lambda id, code, text, contract: self.errors.append((id, code, text))
        # Every answer of the start has to come: positions, orders, account values, executions.
        self.connect("127.0.0.1", port, clientId=client_id, timeout=WAIT_SECONDS_MAX, raiseSyncErrors=True)

    def of_another(self, client_id):
        """All open orders as a session sees them that has placed none: this one keeps what it placed."""
        other = Desk(self.client.port, client_id)
        rows = other.reqAllOpenOrders()
        other.disconnect()
        return rows

    def until(self, wanted, what):
        """Lets the client work until something holds; fails after a while."""
        waited = 0.0
        while not wanted():
            if waited > WAIT_SECONDS_MAX:
                raise TimeoutError(f"{what}: not in {WAIT_SECONDS_MAX} s; errors {self.errors[-5:]}")
            self.waitOnUpdate(0.1)
            waited += 0.1

    def order(self, symbol, order):
        """Places an order for the day, unless it says otherwise: the client itself leaves the time in force empty."""
        order.tif = order.tif or "DAY"
        return self.placeOrder(Stock(symbol, "SMART", "USD"), order)

    def is_in(self, trade, word):
        self.until(lambda: trade.orderStatus.status == word, f"order {trade.order.orderId} is {word}")

    def is_refused(self, trade, code):
        id = trade.order.orderId
        self.until(lambda: any(e[:2] == (id, code) for e in self.errors), f"order {id} is refused with {code}")
        return next(e[2] for e in self.errors if e[:2] == (id, code))


def words(trade):
    return [entry.status for entry in trade.log]


def session(port):
    desk = Desk(port, 7)
    check("it speaks server version 178", desk.client.serverVersion() == 178, desk.client.serverVersion())
    check("the account is a paper account", desk.managedAccounts() == [ACCOUNT], desk.managedAccounts())
    now = desk.reqCurrentTime()
    check("TWS tells the time", abs(now.timestamp() - time.time()) < 10, now)
    details = desk.reqContractDetails(Stock("AAPL", "SMART", "USD"))
    check("contract details name the contract", len(details) == 1 and details[0].contract.conId == 265598
          and details[0].minTick == 0.01 and details[0].contract.primaryExchange == "NASDAQ", details)
    check("an unknown contract has none", desk.reqContractDetails(Stock("ZZZZ", "SMART", "USD")) == [], desk.errors)
    check("and draws 200", any(error[1] == 200 for error in desk.errors), desk.errors)
    return desk


def market_fill(desk):
    trade = desk.order("AAPL", MarketOrder("BUY", 100, orderRef="first"))
    desk.until(lambda: trade.fills and trade.fills[0].commissionReport.execId, "the commission")
    desk.is_in(trade, "Filled")
    fill = trade.fills[0]
    check("a market order fills, with execution and commission", sum(f.execution.shares for f in trade.fills) == 100
          and fill.commissionReport.execId == fill.execution.execId and fill.commissionReport.commission >= 1, trade)
    check("the execution has side, price, account, reference and client", (fill.execution.side, fill.execution.acctNumber,
          fill.execution.orderRef, fill.execution.clientId) == ("BOT", ACCOUNT, "first", 7) and fill.execution.price > 0, fill)
    check("its time is one", fill.time.year >= 2024, fill.time)
    check("the status has quantities and price", (trade.orderStatus.filled, trade.orderStatus.remaining) == (100, 0)
          and trade.orderStatus.avgFillPrice > 0, trade.orderStatus)
    check("the permanent id fits into 32 bits", 0 < trade.orderStatus.permId < 2**31
          and trade.orderStatus.permId == trade.order.permId == fill.execution.permId, trade.orderStatus)
    check("nobody profits from opening a position", fill.commissionReport.realizedPNL in (0.0, sys.float_info.max), fill)
    return trade


def positions(desk, first):
    cost = first.orderStatus.avgFillPrice + sum(fill.commissionReport.commission for fill in first.fills) / 100
    desk.until(lambda: desk.positions(), "a position")
    held = desk.positions()[0]
    check("a position follows its fill, with the commission in its cost", (held.account, held.contract.conId, held.position)
          == (ACCOUNT, 265598, 100) and abs(held.avgCost - cost) < 1e-6, (held, cost))
    check("its contract is on the exchange that lists it", held.contract.exchange == "NASDAQ", held.contract)
    trade = desk.order("KO", MarketOrder("BUY", 10))
    desk.until(lambda: any(row.contract.symbol == "KO" for row in desk.positions()), "the second position")
    desk.is_in(trade, "Filled")
    trade = desk.order("KO", MarketOrder("SELL", 10))
    desk.until(lambda: not any(row.contract.symbol == "KO" for row in desk.positions()), "its end")
    check("a position that was sold is gone", True)
    rows = {row.contract.symbol: row.position for row in desk.reqPositions()}
    check("asked for again it is listed with nothing, as TWS lists it", rows == {"AAPL": 100, "KO": 0}, rows)


def account(desk):
    named = lambda: {(row.tag, row.currency): row.value for row in desk.accountValues(ACCOUNT)}
    desk.until(lambda: ("CashBalance", "USD") in named(), "what was paid in dollars")
    values = named()
    check("account values are there after the connect, ready, in the account's currency and in all",
          values[("AccountReady", "")] == "true" and float(values[("NetLiquidation", "EUR")]) > 0
          and ("CashBalance", "BASE") in values and ("CashBalance", "USD") in values, values)
    margin = lambda: next(float(row.value) for row in desk.accountValues(ACCOUNT) if row.tag == "InitMarginReq")
    before = margin()
    desk.order("IBM", MarketOrder("BUY", 100))
    desk.until(lambda: margin() > before, "a higher margin")
    check("a fill moves the margins", True)
    desk.until(lambda: any(item.contract.symbol == "IBM" for item in desk.portfolio()), "the portfolio")
    item = next(item for item in desk.portfolio() if item.contract.symbol == "IBM")
    check("the portfolio has quantity, price, value and account", item.position == 100 and item.marketPrice > 0
          and abs(item.marketValue - item.marketPrice * 100) < 1 and item.account == ACCOUNT, item)
    rows = {row.tag: row for row in desk.accountSummary()}
    check("a summary has what it asks for, the cash of each currency too", rows["BuyingPower"].currency == "EUR"
          and float(rows["NetLiquidation"].value) > 0 and "CashBalance" in rows and rows["AccountType"].value == "INDIVIDUAL", rows)
    pnl = desk.reqPnL(ACCOUNT)
    desk.until(lambda: pnl.dailyPnL == pnl.dailyPnL, "profit and loss")
    check("profit and loss has three figures", pnl.realizedPnL < 0, pnl)
    desk.cancelPnL(ACCOUNT)
    single = desk.reqPnLSingle(ACCOUNT, "", 8314)
    desk.until(lambda: single.value == single.value, "profit and loss of a position")
    check("of a position it has quantity and value", single.position == 100 and single.value > 0, single)
    desk.cancelPnLSingle(ACCOUNT, "", 8314)


def resting_limit(desk):
    trade = desk.order("AAPL", LimitOrder("BUY", 10, 100.0))
    desk.is_in(trade, "Submitted")
    check("a limit order far away rests", trade in desk.openTrades() and trade.orderStatus.remaining == 10, trade)
    trade.order.lmtPrice, trade.order.totalQuantity = 101.0, 20
    desk.order("AAPL", trade.order)
    desk.until(lambda: trade.orderStatus.remaining == 20, "the new quantity")
    row = next(t for t in desk.reqOpenOrders() if t.order.orderId == trade.order.orderId)
    check("placed again it is replaced", (row.order.lmtPrice, row.order.totalQuantity) == (101.0, 20), row)
    desk.cancelOrder(trade.order)
    desk.is_in(trade, "Cancelled")
    check("a cancel ends it, with the rest kept", trade.orderStatus.remaining == 20
          and any(e[:2] == (trade.order.orderId, 202) for e in desk.errors), (trade.orderStatus, desk.errors))


def staged(desk):
    order = LimitOrder("BUY", 5, 100.0, transmit=False)
    trade = desk.order("AAPL", order)
    rows = desk.reqAllOpenOrders()
    check("a staged order is silent", trade.orderStatus.status == "PendingSubmit" and trade.order.permId == 0, trade)
    check("and in no snapshot", trade.order.orderId not in [t.order.orderId for t in rows if t.orderStatus.permId])
    order.transmit = True
    desk.order("AAPL", order)
    desk.is_in(trade, "Submitted")
    check("placed again with transmit it works", trade.orderStatus.permId > 0, trade)
    desk.cancelOrder(order)
    desk.is_in(trade, "Cancelled")


def stops(desk):
    cases = [
        ("a stop", Order(orderType="STP", auxPrice=100.0), {"auxPrice": 100.0}),
        ("a stop limit", Order(orderType="STP LMT", auxPrice=100.0, lmtPrice=99.0), {"auxPrice": 100.0, "lmtPrice": 99.0}),
        # So far from the market that it does not trail yet.
        ("a trailing stop", Order(orderType="TRAIL", auxPrice=100.0, trailStopPrice=150.0), {"auxPrice": 100.0, "trailStopPrice": 150.0}),
        ("a trailing stop by percent", Order(orderType="TRAIL", trailingPercent=50.0, trailStopPrice=150.0),
         {"trailingPercent": 50.0, "trailStopPrice": 150.0}),
        ("a trailing stop limit", Order(orderType="TRAIL LIMIT", auxPrice=100.0, trailStopPrice=150.0, lmtPriceOffset=0.05),
         {"trailStopPrice": 150.0, "lmtPriceOffset": 0.05, "lmtPrice": 149.95}),
    ]
    for name, order, shown in cases:
        order.action, order.totalQuantity = "SELL", 10
        trade = desk.order("AAPL", order)
        desk.is_in(trade, "PreSubmitted")
        other = next(t for t in Desk.of_another(desk, 9) if t.order.permId == trade.order.permId)
        seen = {name: getattr(other.order, name) for name in shown}
        check(f"{name} waits for its trigger, and is shown with its prices", trade.orderStatus.whyHeld == "trigger" and seen == shown,
              (trade.orderStatus.whyHeld, seen))
        desk.cancelOrder(trade.order)
        desk.is_in(trade, "Cancelled")


def what_if(desk):
    state = desk.whatIfOrder(Stock("AAPL", "SMART", "USD"), LimitOrder("BUY", 100, 200.0, tif="DAY"))
    changes = [float(state.initMarginChange), float(state.maintMarginChange), float(state.equityWithLoanChange)]
    check("a what-if answers margins and commission, and places nothing", changes[0] > 0 and changes[1] > 0 and changes[2] < 0
          and 0 < state.commission < 10 and state.commissionCurrency == "USD", state)


def bracket(desk):
    legs = desk.bracketOrder("BUY", 10, 150.0, 400.0, 120.0, tif="DAY")
    parent, target, stop = [desk.order("AAPL", leg) for leg in legs]
    desk.is_in(parent, "Submitted")
    desk.is_in(target, "PreSubmitted")
    desk.is_in(stop, "PreSubmitted")
    check("the children of a bracket are held for their parent", "child" in target.orderStatus.whyHeld
          and "child" in stop.orderStatus.whyHeld and target.orderStatus.parentId == parent.order.orderId, (target, stop))
    desk.cancelOrder(parent.order)
    for leg in (parent, target, stop):
        desk.is_in(leg, "Cancelled")
    check("and go with it", True)
    legs = desk.bracketOrder("BUY", 10, 233.0, 400.0, 120.0, tif="DAY")
    parent, target, stop = [desk.order("AAPL", leg) for leg in legs]
    desk.is_in(parent, "Filled")
    desk.cancelOrder(target.order)
    for leg in (target, stop):
        desk.is_in(leg, "Cancelled")
    check("when the parent has filled, a cancel of one child ends both", True)


def refusals(desk):
    cases = [
        ("an unknown symbol is 200", "ZZZZ", LimitOrder("BUY", 1, 100.0), 200, "No security definition"),
        ("a price off the tick is 110", "AAPL", LimitOrder("BUY", 1, 100.001), 110, "does not conform"),
        ("an order type that does not exist is 321", "AAPL", Order(action="BUY", orderType="FEELINGS", totalQuantity=1,
         lmtPrice=10.0, tif="DAY"), 321, "Invalid order type"),
        ("another account is 321", "AAPL", LimitOrder("BUY", 1, 100.0, account="DU99"), 321, "Invalid account code"),
        ("more than money can buy is 201", "AAPL", MarketOrder("BUY", 1_000_000), 201, "Order rejected - reason:"),
        ("what fills at once or not at all is 201", "AAPL", LimitOrder("BUY", 1, 100.0, tif="FOK"), 201, "Order rejected - reason:"),
    ]
    for sentence, symbol, order, code, text in cases:
        told = desk.is_refused(desk.order(symbol, order), code)
        check(sentence, text in told, told)
    trade = desk.order("AAPL", LimitOrder("BUY", 1, 100.0, orderId=1, tif="DAY"))
    check("an old id is 103", desk.is_refused(trade, 103) == "Duplicate order id", desk.errors)
    trade = desk.placeOrder(Stock("AAPL", "SMART", "USD"), LimitOrder("BUY", 1, 100.0))
    told = desk.is_refused(trade, 10349)
    check("an empty time in force is filled in, which is told", told == "Order TIF was set to DAY based on order preset.", told)
    desk.until(lambda: trade.order.permId > 0, "the order works")
    rows = [row for row in desk.reqOpenOrders() if row.order.orderId == trade.order.orderId]
    check("and the order lives for the day, whatever the client makes of it", len(rows) == 1 and rows[0].order.permId > 0, rows)
    desk.cancelOrder(trade.order)
    desk.until(lambda: any(e[:2] == (trade.order.orderId, 202) for e in desk.errors), "its cancel")
    desk.client.cancelOrder(99999)
    desk.until(lambda: any(e[:2] == (99999, 10147) for e in desk.errors), "10147")
    check("a cancel of nothing is 10147", True)


def reconnect(desk, port, first):
    stays = desk.order("MSFT", LimitOrder("BUY", 3, 100.0, tif="GTC", orderRef="stays"))
    desk.is_in(stays, "Submitted")
    desk.disconnect()
    desk = Desk(port, 7)
    found = [trade for trade in desk.openTrades() if trade.order.orderRef == "stays"]
    check("a reconnect lists open orders", len(found) == 1 and found[0].orderStatus.status == "Submitted"
          and found[0].order.orderId == stays.order.orderId and found[0].order.tif == "GTC", found)
    check("the next id is above it", desk.client.getReqId() > stays.order.orderId)
    fills = [fill for fill in desk.fills() if fill.execution.orderRef == "first"]
    check("executions come again, with their commissions", sum(f.execution.shares for f in fills) == 100
          and all(f.commissionReport.execId == f.execution.execId for f in fills), desk.fills())
    rows = desk.reqCompletedOrders(apiOnly=False)
    filled = [row for row in rows if row.order.orderRef == "first"]
    check("completed orders have permanent id, time and words", len(filled) == 1
          and filled[0].orderStatus.status == "Filled" and filled[0].order.permId == first.order.permId, filled)
    check("and the cancelled ones", any(row.orderStatus.status == "Cancelled" for row in rows), rows)
    return desk, found[0]


def two_clients(desk, port, open_trade):
    other = Desk(port, 8)
    check("another client has ids of its own", other.client.getReqId() < open_trade.order.orderId)
    theirs = other.order("IBM", LimitOrder("BUY", 1, 100.0, tif="DAY"))
    other.is_in(theirs, "Submitted")
    rows = {trade.order.clientId for trade in desk.reqAllOpenOrders()}
    check("all open orders are everyone's, with their client", rows == {7, 8}, rows)
    desk.reqGlobalCancel()
    desk.is_in(open_trade, "Cancelled")
    other.is_in(theirs, "Cancelled")
    check("a global cancel reaches everyone", True)
    other.disconnect()
    desk.disconnect()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default=str(ROOT / "target/debug/ibkr-orders"))
    arguments = parser.parse_args()
    with simulator(arguments.binary) as port:
        try:
            desk = session(port)
            first = market_fill(desk)
            positions(desk, first)
            account(desk)
            resting_limit(desk)
            staged(desk)
            stops(desk)
            what_if(desk)
            bracket(desk)
            refusals(desk)
            desk, open_trade = reconnect(desk, port, first)
            two_clients(desk, port, open_trade)
        except (TimeoutError, ConnectionError) as problem:
            check("every part was told what it waited for", False, problem)
    return checks.report()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    sys.exit(main())
