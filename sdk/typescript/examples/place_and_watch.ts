// Buys one share and prints what happens to the order until it ends. ORDERS_SERVER names the gateway.
import { OrderState_Status, Order_Action, Order_OrderType, connectFromEnvironment } from "../src/node.js";

const client = connectFromEnvironment();
const order = { action: Order_Action.BUY, symbol: "AAPL", orderType: Order_OrderType.MKT, quantity: "1" };
const placed = await client.place(order, { transmit: true });
for await (const event of client.watch({ orderId: placed.orderId })) {
  if (event.kind === "order") console.log(event.sequence, OrderState_Status[event.order.status], event.order.filled, event.order.avgFillPrice);
}
