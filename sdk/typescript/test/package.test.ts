// What the installed program is needed for, and what needs no gateway at all.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { WatchResponseSchema } from "../src/gen/ibkr/orders/v1/orders_pb.js";
import { Order_Action, Order_OrderType, OrderError, OutcomeUnknown, connect } from "../src/node.js";
import { Attempts, Cursor } from "../src/policy.js";
import { SimulatedGateway } from "../src/testing.js";

test("an address or token that cannot work is refused at once", () => {
  for (const address of ["127.0.0.1:50051", "ftp://127.0.0.1", "http://127.0.0.1:1/orders"]) assert.throws(() => connect(address), RangeError);
  assert.throws(() => connect("http://gateway.example:50051", { token: "a-token" }), /anybody on the way/);
});

test("nobody there is an error for a read and a doubt for a place", async () => {
  const client = connect("http://127.0.0.1:9");
  await assert.rejects(client.get({ orderId: 1 }, { deadline: 0.3 }), (error) => error instanceof OrderError && error.reason === "GATEWAY_UNAVAILABLE");
  await assert.rejects(client.place({}, { deadline: 0.3, requestId: "mine" }), (error) => error instanceof OutcomeUnknown && error.requestId === "mine");
});

test("a refusal settles a place only where nothing is in doubt", () => {
  const nowhere = (): void => {};
  const noTws = new OrderError("TWS_UNAVAILABLE", "away", { retryAfter: 0.01 });
  assert.throws(() => new Attempts(5, 1, "id").after(noTws, nowhere), OrderError);
  const attempts = new Attempts(5, 1, "id");
  attempts.after(new OrderError("GATEWAY_UNAVAILABLE", "no answer"), nowhere);
  attempts.after(noTws, nowhere);
  assert.throws(() => attempts.after(new OrderError("ORDER_INVALID", "no"), nowhere), OrderError);
});

test("a cursor shows each event once and follows a takeover", () => {
  const cursor = new Cursor(0n);
  const fill = (sequence: bigint) => create(WatchResponseSchema, { sequence, event: { case: "fill", value: { execId: "e.1" } } });
  assert(cursor.take(fill(6n)));
  assert.equal(cursor.take(fill(6n)), undefined);
  assert.equal(cursor.take(fill(9n)), undefined);
  assert.deepEqual(cursor.historyChanged(new OrderError("SEQUENCE", "", { metadata: { resumeAfter: "7" } })), { kind: "historyChanged", sequence: 7n, lastSeen: 9n });
  assert.equal(cursor.historyChanged(new OrderError("SEQUENCE", "another store")), undefined);
});

test("a strategy test says what the exchange does", async () => {
  const gateway = await SimulatedGateway.start();
  try {
    await gateway.exchange.explicit();
    const client = gateway.client();
    const placed = await client.place({ action: Order_Action.BUY, symbol: "AAPL", orderType: Order_OrderType.LMT, quantity: "10", limitPrice: "230" }, { transmit: true });
    await gateway.exchange.fill(placed.orderId, { quantity: "4", price: "229.50" });
    for await (const event of client.watch({ orderId: placed.orderId, afterSequence: placed.state?.sequence ?? 0n })) {
      if (event.kind !== "fill") continue;
      assert.deepEqual([event.fill.quantity, event.fill.price], ["4", "229.5"]);
      break;
    }
  } finally {
    await gateway.close();
  }
});
