// Places BUY 1 AAPL MKT through an ibkr-orders gateway and watches it to its end. See README.md for the commands.
//
// ORDERS_SERVER (default http://127.0.0.1:50051) names the gateway, ORDERS_SERVER_CA a PEM file with the authority of an
// https:// one, ORDERS_TOKEN a bearer token.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { type MessageInitShape, create } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, type Interceptor, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.ts";
import {
  type OrderState, OrderService, OrderState_Status, Order_Action, Order_OrderType, PlaceRequestSchema, type PlaceResponse,
  type WatchResponse,
} from "./gen/orders_pb.ts";

type Orders = Client<typeof OrderService>;

async function main(): Promise<void> {
  const orders = connect();
  // Streams that nobody reads block other calls of their connection: a watch gets a connection of its own.
  const watches = connect();

  const health = await orders.health({}, { timeoutMs: 10_000 });
  console.log(`health: gateway ${health.version}, connected ${health.connected}, accounts ${health.accounts.join(" ")}`);
  expect(health.connected, `the gateway cannot place orders: ${health.error}`);

  const bad = { action: Order_Action.BUY, symbol: "AAPL", orderType: Order_OrderType.LMT, quantity: "-1" };
  const checked = await orders.validate({ order: bad }, { timeoutMs: 5_000 });
  expect(!checked.valid, "an order without limit and with a negative quantity passed");
  for (const error of checked.errors) console.log(`validate: ${error.loc.join(".")}: ${error.msg} (${error.type})`);
  const refused = await errorOf(orders.place({ order: bad }, { timeoutMs: 10_000 }));
  expect(explain("place", refused) === "ORDER_INVALID", "the invalid order was not refused as ORDER_INVALID");

  const requestId = `node-${randomUUID()}`;
  const order = { action: Order_Action.BUY, symbol: "AAPL", orderType: Order_OrderType.MKT, quantity: "1" };
  const placed = await place(orders, { order, transmit: true, requestId });
  console.log(`place: order ${placed.orderId} is ${status(placed.state)}, request ${placed.requestId}`);
  const again = await place(orders, { order, transmit: true, requestId });
  expect(again.replayed && again.orderId === placed.orderId, "the same request made a second order");
  console.log(`place again: still order ${again.orderId}`);

  const end = await watch(watches, placed.state);
  expect(end?.status === OrderState_Status.FILLED, `the order ended ${status(end)}: ${end?.lastError}`);

  const other = await errorOf(place(orders, { order: { ...order, quantity: "2" }, transmit: true, requestId }));
  expect(explain("place other order", other) === "REQUEST_ID_REUSED", "a request id was taken for another order");

  const { order: stored, fills } = await orders.get({ order: { case: "placedAs", value: requestId } }, { timeoutMs: 5_000 });
  console.log(`done: order ${stored?.orderId} ${status(stored)} at ${stored?.avgFillPrice}, ${fills.length} fill(s), commission ${stored?.commission}`);
}

function connect(): Orders {
  const baseUrl = process.env.ORDERS_SERVER ?? "http://127.0.0.1:50051";
  const ca = process.env.ORDERS_SERVER_CA ? readFileSync(process.env.ORDERS_SERVER_CA) : undefined;
  const authorize: Interceptor = (next) => (request) => {
    if (process.env.ORDERS_TOKEN) request.header.set("authorization", `Bearer ${process.env.ORDERS_TOKEN}`);
    return next(request);
  };
  return createClient(OrderService, createGrpcTransport({ baseUrl, nodeOptions: { ca }, interceptors: [authorize] }));
}

// The gateway's reason; undefined for a status that no gateway made. A proxy or a gRPC library promises nothing, whatever its code says.
function reasonOf(error: unknown): string | undefined {
  return ConnectError.from(error).findDetails(ErrorInfoSchema).find(({ domain }) => domain === "ibkr.orders.v1")?.reason;
}

// Repeats a Place whose outcome is not known, or that the gateway could not take now. That is safe because, and only because, it has a
// request id: the same request never makes a second order.
async function place(orders: Orders, request: MessageInitShape<typeof PlaceRequestSchema>): Promise<PlaceResponse> {
  expect(request.requestId, "a place that may be repeated needs a request id");
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await orders.place(create(PlaceRequestSchema, request), { timeoutMs: 10_000 });
    } catch (error) {
      const known = ![undefined, "INTERNAL"].includes(reasonOf(error));
      if (attempt === 5 || (known && ConnectError.from(error).code !== Code.Unavailable)) throw error;
      await pause(200 * 2 ** attempt);
    }
  }
}

// Follows an order from what Place answered to its end. A stream that breaks is opened again after the last sequence
// seen, so each event shows once. The first stream is broken here on purpose.
async function watch(orders: Orders, placed: OrderState | undefined): Promise<OrderState | undefined> {
  expect(placed, "Place answered without the order's state");
  let cursor = placed.sequence;
  let last = placed;
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    const stream = new AbortController();
    try {
      const request = { order: { case: "orderId" as const, value: placed.orderId }, afterSequence: cursor, maxWait: { seconds: 60n } };
      for await (const response of orders.watch(request, { signal: stream.signal })) {
        cursor = response.sequence;
        if (response.event.case === "order") last = response.event.value;
        console.log(`watch: ${describe(response)}`);
        if (attempt === 1) {
          console.log(`watch: breaking the stream, to go on after ${cursor}`);
          stream.abort();
        }
      }
      return last; // the server ended it: the order has ended
    } catch (error) {
      if (reasonOf(error) !== undefined && ConnectError.from(error).code !== Code.Unavailable) throw error;
      await pause(100 * attempt);
    } finally {
      // Leaving the loop, by break or by an error, leaves the call running: this ends it.
      stream.abort();
    }
  }
  throw new Error(`the watch of order ${placed.orderId} broke five times`);
}

function describe({ sequence, event }: WatchResponse): string {
  switch (event.case) {
    case "order":
      return `${sequence} ${status(event.value)}, filled ${event.value.filled} of ${event.value.quantity}`;
    case "fill":
      return `${sequence} fill of ${event.value.quantity} at ${event.value.price}`;
    case "link":
      return `${sequence} link: ${event.value.text}`;
    default:
      return `${sequence} ${event.case}`;
  }
}

function status(state: OrderState | undefined): string {
  return state ? OrderState_Status[state.status] : "missing";
}

// Says what a refused call carried, and answers its reason.
function explain(what: string, error: ConnectError): string | undefined {
  const [info] = error.findDetails(ErrorInfoSchema);
  console.log(`${what}: ${Code[error.code]} ${info?.reason}: ${error.rawMessage}`);
  for (const detail of error.findDetails(BadRequestSchema)) {
    for (const violation of detail.fieldViolations) console.log(`  ${violation.field}: ${violation.description}`);
  }
  return info?.reason;
}

async function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(() => undefined, (reason: unknown) => reason);
  expect(error, "a call that must fail succeeded");
  return ConnectError.from(error);
}

function expect(condition: unknown, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise);
}

main().then(
  () => process.exit(0), // idle connections would keep the program alive
  (error: unknown) => {
    console.error(`failed: ${error}`);
    process.exit(1);
  },
);
