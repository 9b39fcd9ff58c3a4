// Orders with @grpc/grpc-js and @grpc/proto-loader. ORDERS_SERVER (default http://127.0.0.1:50051) names the gateway.
import { strict as assert } from "node:assert";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const schema = join(dirname(fileURLToPath(import.meta.url)), "../../../proto/orders.proto");
// keepCase: fields are spelt as in the schema. 64-bit numbers as text: sequences are larger than a double counts. `oneofs` names what is set.
const definition = loadPackageDefinition(loadSync(schema, { keepCase: true, longs: String, enums: String, oneofs: true }));
const { OrderService } = definition.ibkr.orders.v1;
const address = (process.env.ORDERS_SERVER ?? "http://127.0.0.1:50051").replace(/^https?:\/\//, "");
const orders = new OrderService(address, credentials.createInsecure());
const place = promisify(orders.place).bind(orders);

const order = { action: "BUY", symbol: "AAPL", order_type: "LMT", quantity: "1", limit_price: "1" };
const dry = await place({ order, transmit: true, dry_run: true, request_id: "loader-dry" });
assert(dry.dry_run && !dry.submitted && dry.request_id === "loader-dry", "the dry run arrived as one");
console.log(`dry run: ${JSON.stringify(dry.order_request)}`);

// What goes wrong without keepCase: the loader knows the field as dryRun only, and drops dry_run.
const { OrderService: Renamed } = loadPackageDefinition(loadSync(schema)).ibkr.orders.v1;
const lost = Renamed.service.Place.requestDeserialize(Renamed.service.Place.requestSerialize({ dry_run: true, request_id: "r" }));
assert(!lost.dryRun && !lost.requestId, "without keepCase a field spelt as in the schema is lost");

const placed = await place({ order, transmit: true, request_id: `loader-${Date.now()}` });
console.log(`place: order ${placed.order_id} is ${placed.state.status}`);

// `break` destroys the stream that is iterated over, and nothing else: the call is cancelled here.
const watch = orders.watch({ order_id: placed.order_id, max_wait: { seconds: 60 } });
const ended = new Promise((done) => watch.on("status", done));
watch.on("error", () => {}); // a cancelled call ends with an error
try {
  for await (const { event, ...update } of watch) {
    console.log(`watch: ${update.sequence} ${event}`);
    if (event === "order") break;
  }
} finally {
  watch.cancel();
}
assert.equal((await ended).code, 1, "the call was cancelled");
const cancelled = await promisify(orders.cancel).bind(orders)({ order_id: placed.order_id });
console.log(`cancel: ${cancelled.order.status}`);
orders.close();
