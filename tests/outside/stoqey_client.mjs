// @stoqey/ib against the simulator: what a program sees of it that speaks the text protocol from Node.
//
//     node tests/outside/stoqey_client.mjs BINARY
//
// Needs @stoqey/ib where it is run; text_clients.sh installs it. Nothing of the client is changed. Starts `BINARY simulate` on a
// free port, prints a line per check and, last, "N passed, M failed"; exits 1 when a check failed.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "package.json"));
const { EventName, IBApi } = require("@stoqey/ib");

const WAIT_MS_MAX = 10_000;
const ACCOUNT = "DU1234567";
const results = [];
let port;

/** Starts a simulator and gives it once it listens: it says where on stderr. */
function simulator(binary) {
    const child = spawn(binary, ["simulate", "--listen", "127.0.0.1:0", "--seed", "7"], { stdio: ["ignore", "ignore", "pipe"] });
    return new Promise((resolve, reject) => {
        let said = "";
        const timer = setTimeout(() => reject(new Error(`no simulator: ${said}`)), WAIT_MS_MAX);
        child.on("exit", () => reject(new Error(`no simulator: ${said}`)));
        child.stderr.on("data", (bytes) => {
            said += bytes;
            const found = said.match(/^listening on 127\.0\.0\.1:(\d+)$/m);
            if (found) {
                clearTimeout(timer);
                port = Number(found[1]);
                resolve(child);
            }
        });
    });
}

function check(sentence, good, seen) {
    results.push(Boolean(good));
    console.log((good ? "ok      " : "FAILED  ") + sentence + (good ? "" : `: ${JSON.stringify(seen)}`));
}

// What is written down, as [word, ...]: the arguments that the lists below look at.
const EVENTS = {
    nextValidId: (id) => ["id", id],
    managedAccounts: (list) => ["accounts", list],
    currentTime: (time) => ["time", time],
    openOrder: (id, contract, order, state) => ["open", id, state.status, contract, order, state],
    openOrderEnd: () => ["open end"],
    orderStatus: (id, status, filled, remaining, price, permId, parentId, last, clientId, whyHeld) =>
        ["status", id, status, filled, remaining, price, permId, clientId, whyHeld],
    execDetails: (reqId, contract, execution) => ["execution", execution.orderId, reqId, contract, execution],
    execDetailsEnd: (reqId) => ["executions end", reqId],
    commissionReport: (report) => ["commission", report],
    completedOrder: (contract, order, state) => ["completed", contract, order, state],
    completedOrdersEnd: () => ["completed end"],
    contractDetails: (reqId, details) => ["contract", reqId, details],
    contractDetailsEnd: (reqId) => ["contract end", reqId],
    position: (account, contract, quantity, cost) => ["position", contract.symbol, quantity, cost, account, contract],
    positionEnd: () => ["positions end"],
    updateAccountValue: (key, value, currency, account) => ["value", key, currency, value, account],
    updatePortfolio: (contract, quantity, price, value, cost, unrealized, realized, account) =>
        ["portfolio", contract.symbol, quantity, price, value, cost, unrealized, realized, account],
    updateAccountTime: (time) => ["values at", time],
    accountDownloadEnd: (account) => ["values end", account],
    accountSummary: (reqId, account, tag, value, currency) => ["summary", reqId, tag, value, currency, account],
    accountSummaryEnd: (reqId) => ["summary end", reqId],
    pnl: (reqId, daily, unrealized, realized) => ["pnl", reqId, daily, unrealized, realized],
    pnlSingle: (reqId, quantity, daily, unrealized, realized, value) => ["pnl of position", reqId, quantity, daily, unrealized, realized, value],
    disconnected: () => ["closed"],
};

/** A client that writes down everything it is told, in the order in which it is told. */
class Desk {
    constructor(clientId) {
        this.told = [];
        this.wake = () => {};
        this.ib = new IBApi({ host: "127.0.0.1", port, clientId });
        for (const [name, take] of Object.entries(EVENTS)) {
            this.ib.on(EventName[name], (...args) => this.tell(...take(...args)));
        }
        this.ib.on(EventName.error, (error, code, id) => this.tell("error", id, code, error.message));
        // What is about no order and no request comes as information, a refused client id among it.
        this.ib.on(EventName.info, (message, code) => this.tell("error", -1, code, message));
        this.ib.connect(clientId);
    }

    tell(...event) {
        this.told.push(event);
        this.wake();
    }

    /** The events from `since` up to the first that is wanted. */
    async wait(wanted, since = 0) {
        const deadline = Date.now() + WAIT_MS_MAX;
        for (;;) {
            const found = this.told.slice(since).findIndex(wanted);
            if (found >= 0) {
                return this.told.slice(since, since + found + 1);
            }
            const left = deadline - Date.now();
            if (left <= 0) {
                throw new Error(`not told in ${WAIT_MS_MAX} ms; told: ${JSON.stringify(this.told.slice(since))}`);
            }
            await new Promise((resolve) => {
                const timer = setTimeout(resolve, left);
                this.wake = () => {
                    clearTimeout(timer);
                    resolve();
                };
            });
        }
    }

    async after(act, wanted) {
        const since = this.told.length;
        act();
        return this.wait(wanted, since);
    }

    place(id, symbol, order, wanted) {
        return this.after(() => this.ib.placeOrder(id, stock(symbol), order), wanted);
    }

    cancel(id, wanted) {
        return this.after(() => this.ib.cancelOrder(id), wanted);
    }

    async leave() {
        await this.after(() => this.ib.disconnect(), (event) => event[0] === "closed");
    }
}

const stock = (symbol) => ({ symbol, secType: "STK", exchange: "SMART", currency: "USD" });
const order = (orderType, totalQuantity, lmtPrice, more = {}) =>
    ({ action: "BUY", orderType, totalQuantity, lmtPrice, tif: "DAY", transmit: true, ...more });
const status = (id, word) => (event) => event[0] === "status" && event[1] === id && event[2] === word;
const error = (id, code) => (event) => event[0] === "error" && event[1] === id && event[2] === code;
const kinds = (events) => events.map((e) => (e[0] === "open" || e[0] === "status" ? `${e[0]} ${e[2]}` : e[0]));
const same = (left, right) => JSON.stringify(left) === JSON.stringify(right);

async function session() {
    const desk = new Desk(7);
    const told = await desk.wait(error(-1, 2158));
    check("it speaks server version 193", desk.ib.serverVersion === 193, desk.ib.serverVersion);
    check("accounts come before the next id, farms after it",
        same(kinds(told), ["accounts", "id", "error", "error", "error"]), told);
    check("the account is a paper account", told[0][1] === ACCOUNT, told[0]);
    check("the next id of a new client is 1", told[1][1] === 1, told[1]);
    const now = (await desk.after(() => desk.ib.reqCurrentTime(), (e) => e[0] === "time")).at(-1)[1];
    check("TWS tells the time", Math.abs(now - Date.now() / 1000) < 10, now);
    const details = await desk.after(() => desk.ib.reqContractDetails(9001, stock("AAPL")), (e) => e[0] === "contract end");
    check("contract details name the contract", details[0][2].contract.conId === 265598 && details[0][2].minTick === 0.01
        && details[0][2].contract.primaryExch === "NASDAQ", details);
    await desk.after(() => desk.ib.reqContractDetails(9002, stock("ZZZZ")), error(9002, 200));
    check("an unknown contract is error 200", true);
    return desk;
}

async function marketFill(desk, id) {
    let told = await desk.place(id, "AAPL", order("MKT", 100, undefined, { orderRef: "first" }), (e) => e[0] === "commission");
    check("a market order is reported as TWS reports it", same(kinds(told), ["open PreSubmitted", "status PreSubmitted",
        "open Submitted", "status Submitted", "execution", "open Filled", "status Filled", "open Filled", "status Filled",
        "commission"]), kinds(told));
    const [, , reqId, , execution] = told[4];
    check("the execution carries client, order, reference and permanent id", reqId === -1 && execution.clientId === 7
        && execution.orderId === id && execution.orderRef === "first" && execution.shares === 100 && execution.side === "BOT"
        && execution.permId > 0 && execution.permId < 2 ** 53, execution);
    check("the commission names its execution", told.at(-1)[1].execId === execution.execId && told.at(-1)[1].commission >= 1, told.at(-1));
    check("the filled status has quantities, price and client", same(told[6].slice(3, 6), [100, 0, execution.price])
        && told[6][7] === 7, told[6]);
    check("the echo has account, permanent id, reference and intent", told[7][4].account === ACCOUNT
        && told[7][4].permId === execution.permId && told[7][4].orderRef === "first" && told[7][4].clearingIntent === "IB", told[7][4]);
    told = await desk.place(id, "AAPL", order("MKT", 1), error(id, 104));
    check("a filled order cannot be modified (104)", same(kinds(told), ["error"]), told);
    told = await desk.cancel(id, error(id, 10148));
    check("nor cancelled (10148)", told.at(-1)[3].includes("cannot be cancelled, state: Filled."), told);
}

async function restingLimit(desk, id) {
    let told = await desk.place(id, "AAPL", order("LMT", 10, 100.0), status(id, "Submitted"));
    check("a limit order far away rests", same(kinds(told).slice(-2), ["open Submitted", "status Submitted"]), told);
    told = await desk.place(id, "AAPL", order("LMT", 20, 101.0), (e) => status(id, "Submitted")(e) && e[4] === 20);
    check("placed again it is replaced", told.at(-2)[4].lmtPrice === 101.0, told);
    told = await desk.place(id, "AAPL", order("LMT", 20, 101.001), error(id, 110));
    check("a replacement off the tick is refused", same(kinds(told), ["error"]), told);
    told = await desk.after(() => desk.ib.reqOpenOrders(), (e) => e[0] === "open end");
    check("open orders list it", same(kinds(told), ["open Submitted", "status Submitted", "open end"]), told);
    told = await desk.cancel(id, error(id, 202));
    check("a cancel is Cancelled with the rest kept, then 202", told.at(-2)[2] === "Cancelled" && told.at(-2)[4] === 20
        && told.at(-1)[3].startsWith("Order Canceled - reason:"), told);
}

async function staged(desk, id) {
    const end = (event) => event[0] === "open end";
    let told = await desk.after(() => {
        desk.ib.placeOrder(id, stock("AAPL"), order("LMT", 5, 100.0, { transmit: false }));
        desk.ib.reqAllOpenOrders();
    }, end);
    check("a staged order is silent, and in no snapshot", same(kinds(told), ["open end"]), told);
    told = await desk.place(id, "AAPL", order("LMT", 5, 100.0), status(id, "Submitted"));
    check("placed again with transmit it works", told.at(-1)[4] === 5, told);
    await desk.cancel(id, error(id, 202));
}

async function stops(desk, id) {
    const cases = [
        ["a stop", "STP", { auxPrice: 100 }, { auxPrice: 100 }],
        ["a stop limit", "STP LMT", { auxPrice: 100, lmtPrice: 99 }, { auxPrice: 100, lmtPrice: 99 }],
        // So far from the market that it does not trail yet.
        ["a trailing stop", "TRAIL", { auxPrice: 100, trailStopPrice: 150 }, { auxPrice: 100, trailStopPrice: 150 }],
        ["a trailing stop limit", "TRAIL LIMIT", { auxPrice: 100, trailStopPrice: 150, lmtPriceOffset: 0.05 },
            { trailStopPrice: 150, lmtPriceOffset: 0.05, lmtPrice: 149.95 }],
    ];
    for (const [name, type, prices, shown] of cases) {
        const made = { ...order(type, 10, undefined), action: "SELL", ...prices };
        const told = await desk.place(id, "AAPL", made, status(id, "PreSubmitted"));
        const echo = told.at(-2)[4];
        check(`${name} waits for its trigger, and is shown with its prices`, told.at(-1)[8] === "trigger"
            && Object.entries(shown).every(([field, value]) => echo[field] === value), [told.at(-1), echo]);
        await desk.cancel(id, error(id, 202));
        id += 1;
    }
    return id;
}

async function whatIf(desk, id) {
    const told = await desk.place(id, "AAPL", order("LMT", 100, 200, { whatIf: true }), (event) => event[0] === "open");
    const state = told[0][5];
    check("a what-if answers margins and commission in one openOrder", told.length === 1 && told[0][4].whatIf
        && Number(state.initMarginChange) > 0 && Number(state.maintMarginChange) > 0 && state.commission > 0, told);
    return id + 1;
}

async function bracket(desk, id) {
    const child = (type, prices) => ({ ...order(type, 10, undefined), action: "SELL", parentId: id, ...prices });
    const told = await desk.after(() => {
        desk.ib.placeOrder(id, stock("AAPL"), order("LMT", 10, 150, { transmit: false }));
        desk.ib.placeOrder(id + 1, stock("AAPL"), child("LMT", { lmtPrice: 400, transmit: false }));
        desk.ib.placeOrder(id + 2, stock("AAPL"), child("STP", { auxPrice: 120 }));
    }, status(id + 2, "PreSubmitted"));
    const target = told.find(status(id + 1, "PreSubmitted"));
    check("a bracket works when its last leg is transmitted, its children held for the parent", told[0][1] === id
        && target[8].startsWith("child") && told.at(-1)[8].startsWith("child"), kinds(told));
    const echo = told.find((event) => event[0] === "open" && event[1] === id + 1)[4];
    check("they name their parent, in a group of its permanent id", echo.parentId === id && echo.ocaGroup !== "", echo);
    const since = desk.told.length;
    desk.ib.cancelOrder(id);
    for (const leg of [id, id + 1, id + 2]) {
        await desk.wait(status(leg, "Cancelled"), since);
    }
    check("and go with it", true);
    return id + 3;
}

async function positions(desk, id) {
    const end = (event) => event[0] === "positions end";
    const moved = (event) => event[0] === "position" && event[1] === "IBM";
    let told = await desk.after(() => desk.ib.reqPositions(), end);
    check("positions are listed with account and listing exchange, then the end", told[0][1] === "AAPL" && told[0][2] === 100
        && told[0][4] === ACCOUNT && told[0][5].conId === 265598 && told[0][5].exchange === "NASDAQ", told);
    told = await desk.place(id, "IBM", order("MKT", 100), moved);
    const execution = told.filter((event) => event[0] === "execution").at(-1)[4];
    const fees = told.filter((event) => event[0] === "commission").reduce((sum, event) => sum + event[1].commission, 0);
    check("a position follows its fill, with the commission in its cost", told.at(-1)[2] === 100
        && Math.abs(told.at(-1)[3] - execution.avgPrice - fees / 100) < 1e-6, told.at(-1));
    told = await desk.place(id + 1, "IBM", { ...order("MKT", 100), action: "SELL" }, moved);
    check("closed it is 0 at 0", told.at(-1)[2] === 0 && told.at(-1)[3] === 0, told.at(-1));
    told = await desk.after(() => desk.ib.reqPositions(), end);
    check("and still listed", told.some((event) => moved(event) && event[2] === 0), kinds(told));
    desk.ib.cancelPositions();
    return id + 2;
}

async function account(desk, id) {
    let told = await desk.after(() => desk.ib.reqAccountUpdates(true, ACCOUNT), (event) => event[0] === "values end");
    const value = (key, currency) => told.find((event) => event[0] === "value" && event[1] === key && event[2] === currency)?.[3];
    check("account values begin with the account's code and say that they are ready", told[0][1] === "AccountCode" && told[0][3] === ACCOUNT
        && value("AccountReady", "") === "true", told.slice(0, 6));
    check("they are in the account's currency, in all, and in each", Number(value("NetLiquidation", "EUR")) > 0
        && value("CashBalance", "BASE") && value("CashBalance", "USD"), kinds(told));
    check("the portfolio comes after them, then the end", same(told.slice(-4).map((event) => event[0]),
        ["portfolio", "values at", "values at", "values end"]), told.slice(-4));
    const margin = Number(value("InitMarginReq", "EUR"));
    const since = desk.told.length;
    await desk.place(id, "KO", order("MKT", 1000), (event) => event[0] === "commission");
    const news = await desk.wait((event) => event[0] === "value" && event[1] === "InitMarginReq", since);
    check("a fill moves the margin", Number(news.at(-1)[3]) > margin, news.at(-1));
    const row = (await desk.wait((event) => event[0] === "portfolio" && event[1] === "KO", since)).at(-1);
    check("and then shows every position", row[2] === 1000 && row[3] > 0 && row[8] === ACCOUNT, row);
    await desk.after(() => desk.ib.reqAccountUpdates(false, ACCOUNT), error(-1, 2100));
    check("one's own unsubscription is told with 2100", true);
    told = await desk.after(() => desk.ib.reqAccountSummary(70, "All", "NetLiquidation,BuyingPower"), (event) => event[0] === "summary end");
    check("a summary has a row for each tag, by name", same(told.map((event) => event.slice(0, 3)), [["summary", 70, "BuyingPower"],
        ["summary", 70, "NetLiquidation"], ["summary end", 70]]) && told[0][4] === "EUR", told);
    desk.ib.cancelAccountSummary(70);
    told = await desk.after(() => desk.ib.reqPnL(60, ACCOUNT), (event) => event[0] === "pnl");
    check("profit and loss has three figures", told.at(-1).slice(2).every((figure) => typeof figure === "number"), told.at(-1));
    desk.ib.cancelPnL(60);
    told = await desk.after(() => desk.ib.reqPnLSingle(61, ACCOUNT, "", 8894), (event) => event[0] === "pnl of position");
    check("of a position it has quantity and value", told.at(-1)[2] === 1000 && told.at(-1)[6] > 0, told.at(-1));
    desk.ib.cancelPnLSingle(61);
    return id + 1;
}

async function refusals(desk, id) {
    const cases = [
        ["an unknown symbol is 200", "ZZZZ", order("LMT", 1, 100.0), 200, "No security definition has been found for the request"],
        ["a price off the tick is 110", "AAPL", order("LMT", 1, 100.001), 110, "The price does not conform"],
        ["an order type that does not exist is 321", "AAPL", order("FEELINGS", 1, 10.0), 321, "Invalid order type was entered"],
        ["another account is 321", "AAPL", order("LMT", 1, 100.0, { account: "DU99" }), 321, "Invalid account code"],
    ];
    for (const [sentence, symbol, made, code, text] of cases) {
        const told = await desk.place(id, symbol, made, error(id, code));
        check(`${sentence}, and nothing else`, same(kinds(told), ["error"]) && told.at(-1)[3].includes(text), told);
        id += 1;
    }
    let told = await desk.place(1, "AAPL", order("LMT", 1, 100.0), error(1, 104));
    check("an id of a filled order is 104", true, told);
    told = await desk.place(id, "AAPL", order("LMT", 1, 100.0, { tif: undefined }), (e) => e[0] === "status");
    check("an empty time in force is filled in, which is told", told[0][2] === 10349 && told.find((e) => e[0] === "open")[4].tif === "DAY", told);
    await desk.cancel(id, error(id, 202));
    id += 1;
    told = await desk.place(id, "AAPL", order("MKT", 1_000_000), error(id, 201));
    check("beyond the buying power: Inactive, then 201", same(kinds(told), ["open Inactive", "status Inactive", "error"]), told);
    told = await desk.cancel(99999, error(99999, 10147));
    check("a cancel of nothing is 10147", told.at(-1)[3].includes("OrderId 99999 that needs to be cancelled is not found."), told);
    id += 1;
    told = await desk.place(id, "AAPL", order("LMT", 1, 100.0, { tif: "IOC" }), error(id, 202));
    check("IOC that cannot fill: PendingCancel, Cancelled, 202", same(kinds(told).slice(-4),
        ["open PendingCancel", "status PendingCancel", "status Cancelled", "error"]), kinds(told));
    id += 1;
    told = await desk.place(id, "AAPL", order("LMT", 1, 100.0, { tif: "FOK" }), error(id, 201));
    check("FOK that cannot fill: Inactive, then 201", same(kinds(told), ["open Inactive", "status Inactive", "error"]), kinds(told));
    return id + 1;
}

async function reconnect(desk, id) {
    await desk.place(id, "MSFT", order("LMT", 3, 100.0, { tif: "GTC", orderRef: "stays" }), status(id, "Submitted"));
    await desk.leave();
    desk = new Desk(7);
    let told = await desk.wait((e) => e[0] === "id");
    check("a reconnect lists open orders, then accounts, then the id",
        same(kinds(told), ["open Submitted", "status Submitted", "open end", "accounts", "id"]), kinds(told));
    check("with reference and quantity, and the next id above it", told[0][1] === id && told[0][4].orderRef === "stays"
        && told[0][4].tif === "GTC" && told.at(-1)[1] === id + 1, told);
    told = await desk.after(() => desk.ib.reqExecutions(77, { symbol: "AAPL" }), (e) => e[0] === "executions end");
    check("executions are repeated with the request's id, then their commissions",
        same(kinds(told), ["execution", "commission", "executions end"]) && told[0][2] === 77, kinds(told));
    told = await desk.after(() => desk.ib.reqCompletedOrders(false), (e) => e[0] === "completed end");
    const rows = told.filter((event) => event[0] === "completed");
    check("completed orders have reference, time and words", rows[0][2].orderRef === "first" && rows[0][3].status === "Filled"
        && rows[0][3].completedStatus === "Filled Size: 100" && rows[0][2].permId > 0, rows[0]);
    check("and the cancelled ones keep their quantity", rows.some((row) => row[3].completedStatus === "Cancelled by Trader"
        && row[2].totalQuantity === 20), rows);
    return desk;
}

async function twoClients(desk, id) {
    const other = new Desk(8);
    await other.wait((e) => e[0] === "id");
    await other.place(1, "IBM", order("LMT", 1, 100.0), status(1, "Submitted"));
    let told = await desk.after(() => desk.ib.reqAllOpenOrders(), (e) => e[0] === "open end");
    check("all open orders are everyone's, with their client",
        same(told.filter((e) => e[0] === "open").map((e) => e[4].clientId), [7, 8]), kinds(told));
    const third = new Desk(7);
    told = await third.wait((e) => e[0] === "closed");
    check("a client id in use is 326, then the socket is closed", told.some((e) => e[0] === "error" && e[2] === 326), told);
    await other.after(() => desk.ib.reqGlobalCancel(), error(1, 202));
    await desk.wait(error(id, 202));
    check("a global cancel reaches everyone", true);
    await other.leave();
    await desk.leave();
}

const child = await simulator(process.argv[2]);
try {
    let desk = await session();
    await marketFill(desk, 1);
    await restingLimit(desk, 2);
    await staged(desk, 3);
    let id = await positions(desk, 4);
    id = await account(desk, id);
    id = await stops(desk, id);
    id = await whatIf(desk, id);
    id = await bracket(desk, id);
    id = await refusals(desk, id);
    desk = await reconnect(desk, id);
    await twoClients(desk, id);
} catch (problem) {
    check("every part was told what it waited for", false, problem.message);
}
child.kill();
console.log(`${results.filter(Boolean).length} passed, ${results.filter((good) => !good).length} failed`);
process.exit(results.length > 0 && results.every(Boolean) ? 0 : 1);
