// The conformance list (sdk/conformance/README.md). Run by sdk/conformance/world.py.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import {
  OrderError, OutcomeUnknown, OrderState_Status, Order_Action, Order_OrderType, Order_TimeInForce, Replacement_Status, TradingState, type Event, connect,
} from "ibkr-orders-client/node";

const server = required("ORDERS_SERVER");
const proxy = required("ORDERS_PROXY");
const world = required("WORLD");

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run this with sdk/conformance/world.py`);
  return value;
}

async function tell(command: string, given: Record<string, string | number> = {}): Promise<unknown> {
  const query = new URLSearchParams(Object.entries(given).map(([name, value]) => [name, String(value)]));
  const answer = await fetch(`${world}/${command}?${query}`, { method: "POST" });
  const body: unknown = await answer.json();
  assert.equal(answer.status, 200, String(body));
  return body;
}

async function ordersOf(requestId: string): Promise<{ order_id: number; place_messages: number }[]> {
  const orders = (await tell("orders")) as { order_ref: string; order_id: number; place_messages: number }[];
  return orders.filter(({ order_ref }) => order_ref === requestId);
}

const limit = { action: Order_Action.BUY, symbol: "AAPL", orderType: Order_OrderType.LMT, quantity: "10", limitPrice: "200" };

beforeEach(async () => {
  await tell("lose", { answers: 0 });
  await tell("resume");
  await tell("explicit");
});

test("a refused order says why", async () => {
  const client = connect(server);
  await assert.rejects(client.place({ action: Order_Action.BUY, symbol: "AAPL", orderType: Order_OrderType.LMT, quantity: "-1" }, { transmit: true }), (error) => {
    assert(error instanceof OrderError && error.reason === "ORDER_INVALID" && error.outcomeIsKnown);
    const fields = error.violations.map(({ field }) => field);
    assert(fields.includes("quantity") && fields.includes("limit_price"), String(fields));
    return true;
  });
  const placed = await client.place({ ...limit, symbol: "NOSUCHSYMBOL" }, { transmit: true });
  assert.deepEqual([placed.state?.status, placed.state?.lastErrorCode], [OrderState_Status.REJECTED, 200]);
});

test("a replayed answer is the first order", async () => {
  const client = connect(server);
  const seen: string[] = [];
  const first = await client.place(limit, { transmit: true, onRequestId: (id) => seen.push(id) });
  const again = await client.place(limit, { transmit: true, requestId: first.requestId });
  assert.deepEqual([seen, again.orderId, again.replayed, first.replayed], [[first.requestId], first.orderId, true, false]);
  const other = client.place({ ...limit, quantity: "11" }, { transmit: true, requestId: first.requestId });
  await assert.rejects(other, (error) => error instanceof OrderError && error.reason === "REQUEST_ID_REUSED");
  assert.equal((await ordersOf(first.requestId)).length, 1);
});

test("a lost answer is asked for again and makes no second order", async () => {
  const lost = (await tell("lost")) as number;
  await tell("lose", { answers: 1 });
  const placed = await connect(proxy).place(limit, { transmit: true });
  assert.equal(await tell("lost"), lost + 1);
  assert(placed.replayed);
  assert.deepEqual((await ordersOf(placed.requestId)).map((order) => order.place_messages), [1]);
});

test("an unknown outcome has the request id that finds the order", async () => {
  await tell("lose", { answers: -1 });
  let requestId = "";
  await assert.rejects(connect(proxy).place(limit, { transmit: true, deadline: 3 }), (error) => {
    assert(error instanceof OutcomeUnknown, String(error));
    requestId = error.requestId;
    return true;
  });
  const [order, ...others] = await ordersOf(requestId);
  assert(order !== undefined && others.length === 0 && order.place_messages === 1);
  assert.equal((await connect(server).get({ placedAs: requestId })).order?.orderId, order.order_id);
});

test("a watch goes on across a killed gateway", async () => {
  const client = connect(server);
  const placed = await client.place(limit, { transmit: true });
  const events: Event[] = [];
  let [begun, part] = [(): void => {}, (): void => {}];
  const beginning = new Promise<void>((done) => { begun = done; });
  const partly = new Promise<void>((done) => { part = done; });
  const watched = (async () => {
    for await (const event of client.watch({ orderId: placed.orderId })) {
      events.push(event);
      if (event.kind === "snapshotEnd") begun();
      if (event.kind === "fill") part();
    }
  })();
  await beginning;
  await tell("fill", { order_id: placed.orderId, quantity: "3", price: "199" });
  await partly;
  await tell("kill");
  await tell("start");
  await tell("fill", { order_id: placed.orderId });
  await watched;
  assert.deepEqual(events.flatMap((event) => (event.kind === "fill" ? [event.fill.quantity] : [])), ["3", "7"]);
  const stored = events.filter(({ kind }) => kind === "order" || kind === "fill").map(({ sequence }) => sequence);
  assert(stored.every((sequence, n) => n === 0 || sequence > (stored[n - 1] ?? 0n)), String(stored));
  const last = events.flatMap((event) => (event.kind === "order" ? [event.order] : [])).at(-1);
  assert.equal(last?.status, OrderState_Status.FILLED);
});

test("a watch that is not read for a while misses nothing", async () => {
  await tell("automatic");
  const client = connect(server);
  const watch = client.watch();
  const first = await watch.next();
  assert(!first.done);
  const events: Event[] = [first.value];
  const missing = new Set<number>();
  for (let n = 0; n < 200; n += 1) {
    missing.add((await client.place({ ...limit, symbol: "MSFT", orderType: Order_OrderType.MKT, limitPrice: undefined }, { transmit: true })).orderId);
  }
  const ids = new Set(missing);
  for await (const event of watch) {
    events.push(event);
    if (event.kind === "order" && event.order.status === OrderState_Status.FILLED) missing.delete(event.order.orderId);
    if (missing.size === 0) break;
  }
  const fills = events.flatMap((event) => (event.kind === "fill" && ids.has(event.fill.orderId) ? [event.fill.execId] : []));
  assert(fills.length >= 200 && new Set(fills).size === fills.length);
  const stored = events.filter(({ kind }) => kind === "order" || kind === "fill").map(({ sequence }) => sequence);
  assert(stored.every((sequence, n) => n === 0 || sequence > (stored[n - 1] ?? 0n)));
});

test("while the exchange is halted an order waits", async () => {
  await tell("halt");
  const client = connect(server);
  const placed = await client.place(limit, { transmit: true });
  assert.equal(placed.state?.status, OrderState_Status.PRE_SUBMITTED);
  await tell("resume");
  for await (const event of client.watch({ orderId: placed.orderId, maxWait: 30 })) {
    if (event.kind === "order" && event.order.status === OrderState_Status.SUBMITTED) break;
  }
  assert.equal((await client.cancel({ orderId: placed.orderId })).status, OrderState_Status.CANCELLED);
});

test("a bracket is placed once and followed as one", async () => {
  const client = connect(server);
  await assert.rejects(client.placeBracket({ entry: limit, stopLoss: { stopPrice: "210" } }), (error) => {
    assert(error instanceof OrderError && error.reason === "ORDER_INVALID");
    assert.deepEqual(error.violations.map(({ field }) => field), ["stop_loss.stop_price"]);
    return true;
  });
  await tell("lose", { answers: 1 });
  const placed = await connect(proxy).placeBracket({ entry: limit, takeProfit: { limitPrice: "220" }, stopLoss: { stopPrice: "190" } });
  assert(placed.replayed);
  assert.equal((await ordersOf(placed.requestId)).length, 1);
  const [entry = 0, target = 0, stop = 0] = [placed.entry, placed.takeProfit, placed.stopLoss].map((order) => order?.orderId);
  const listed: number[] = [];
  for await (const order of client.list({ bracketId: entry })) listed.push(order.orderId);
  assert.deepEqual(listed, [stop, target, entry]);
  await tell("fill", { order_id: entry });
  const ended = new Set<number>();
  for await (const event of client.watch({ placedAs: placed.requestId, withFamily: true, maxWait: 30 })) {
    if (event.kind !== "order") continue;
    if (event.order.orderId === entry && event.order.status === OrderState_Status.FILLED) {
      await assert.rejects(client.cancel({ orderId: target }), (error) => error instanceof OrderError && error.reason === "ORDER_STATE");
      await client.cancel({ orderId: target }, { withSibling: true });
    }
    if (event.order.terminal) ended.add(event.order.orderId);
  }
  assert.deepEqual([...ended].sort((a, b) => a - b), [entry, target, stop]);
  assert.deepEqual((await client.get({ orderId: entry })).legs.map(({ orderId }) => orderId), [target, stop]);
});

test("a lost answer to a replace changes the order once", async () => {
  const client = connect(server);
  const placed = await client.place(limit, { transmit: true });
  const order = { orderId: placed.orderId };
  await tell("lose", { answers: 1 });
  const replaced = await connect(proxy).replace(order, { quantity: "12", limitPrice: "201.5" }, { expectedRevision: 1 });
  assert.deepEqual([replaced.replayed, replaced.order?.replacement?.status], [true, Replacement_Status.ACCEPTED]);
  assert.deepEqual([replaced.order?.quantity, replaced.order?.limitPrice, replaced.order?.termsRevision], ["12", "201.5", 2]);
  assert.deepEqual((await ordersOf(placed.requestId)).map(({ place_messages }) => place_messages), [2]);
  await assert.rejects(client.replace(order, { tif: Order_TimeInForce.GTC }, { expectedRevision: 1 }), (error) =>
    error instanceof OrderError && error.reason === "ORDER_CHANGED");
  assert.equal((await client.cancel(order)).status, OrderState_Status.CANCELLED);
});

test("a preview places nothing", async () => {
  const before = await tell("orders");
  const previewed = await connect(server).preview(limit);
  assert(previewed.accepted && previewed.after?.initial !== undefined && previewed.marginCurrency !== "");
  assert.deepEqual(await tell("orders"), before);
});

test("positions and values follow a fill", async () => {
  const client = connect(server);
  const held = async (): Promise<number> => {
    const { positions, stale } = await client.listPositions();
    assert(!stale);
    return positions.filter(({ symbol }) => symbol === "IBM").reduce((sum, { quantity }) => sum + Number(quantity), 0);
  };
  const before = await held();
  const placed = await client.place({ ...limit, symbol: "IBM", quantity: "3", limitPrice: "300" }, { transmit: true });
  for await (const { event } of client.watchAccount({ maxWait: 30 })) {
    if (event.case === "snapshotEnd") await tell("fill", { order_id: placed.orderId });
    if (event.case === "position" && event.value.symbol === "IBM" && Number(event.value.quantity) === before + 3) break;
  }
  assert.equal(await held(), before + 3);
  const { account, values } = await client.getAccount();
  const names = values.map(({ name }) => name);
  assert(account !== "" && names.includes("NetLiquidation") && names.includes("BuyingPower"));
});

test("halted nothing is placed, and cancelAll leaves nothing open", async () => {
  const client = connect(server);
  const placed = await client.place(limit, { transmit: true });
  const halted = await client.halt("conformance");
  assert.deepEqual([halted.state, halted.persisted], [TradingState.CANCEL_ONLY, true]);
  await assert.rejects(client.place(limit, { transmit: true }), (error) => error instanceof OrderError && error.reason === "HALTED");
  assert.deepEqual((await client.limits()).halts.map(({ reason }) => reason), ["conformance"]);
  const { results } = await client.cancelAll();
  assert(results.some(({ orderId, status }) => orderId === placed.orderId && status === OrderState_Status.CANCELLED));
  assert.equal((await client.resume()).state, TradingState.ACTIVE);
  assert.deepEqual((await client.cancelAll()).results, []);
});
