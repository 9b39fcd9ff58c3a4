// How orders and fills read.
import { type Fill, type OrderState, OrderState_Status, Order_Action, Order_OrderType, Order_TimeInForce } from "../../sdk/typescript/src/web.js";
import { cell, element, write } from "./dom.js";
import type { Model } from "./model.js";
import { Table } from "./table.js";

export const word = (order: OrderState): string => OrderState_Status[order.status] ?? String(order.status);
export const isLeg = (order: OrderState): boolean => order.bracketId !== undefined && order.bracketId !== order.orderId;

/** How an order is priced: its prices in words, or its type where it has none. */
export function price(order: OrderState): string {
  const parts = [
    order.limitPrice,
    order.stopPrice !== undefined || order.trailStop !== undefined ? `stop ${order.trailStop ?? order.stopPrice}` : undefined,
    order.trailAmount === undefined ? undefined : `trail ${order.trailAmount}`,
    order.trailPercent === undefined ? undefined : `trail ${order.trailPercent} %`,
  ].filter((part) => part !== undefined);
  return parts.length > 0 ? parts.join(" ") : Order_OrderType[order.orderType] ?? "";
}

export const phrase = (order: OrderState): string =>
  [Order_Action[order.action], order.quantity, order.symbol, Order_OrderType[order.orderType], order.limitPrice, order.stopPrice === undefined ? undefined : `stop ${order.stopPrice}`]
    .filter((part) => part !== undefined).join(" ");

/** What is said of an order beside its status. */
function remark(order: OrderState): string {
  if (order.bracketIncomplete) return "a part of the position has no working stop";
  return order.lastError ?? (order.whyHeld === undefined ? "" : `held: ${order.whyHeld}`);
}

/** A button of a row, made once and used for whatever order the row shows. */
function button(at: HTMLElement, n: number, label: string, act: string, order: OrderState): void {
  const found = at.children[n];
  const shown = found instanceof HTMLButtonElement ? found : at.appendChild(document.createElement("button"));
  write(shown, label);
  shown.dataset["order"] = String(order.orderId);
  shown.dataset["act"] = act;
  shown.setAttribute("aria-label", `${label} order ${order.orderId}`);
}

/** The table of orders. Buttons say what they are for (`data-act`) and of which order (`data-order`). */
export function ordersTable(open: (order: OrderState) => void): Table<OrderState> {
  return new Table<OrderState>(element("orders"), "Orders", [
    {
      name: "id", label: "order", number: true, show: (at, order) => {
        write(at, String(order.orderId));
        at.className = isLeg(order) ? "id number leg" : "id number";
        at.title = isLeg(order) ? `Exit of the bracket ${order.bracketId}` : "";
      },
    },
    {
      name: "status", label: "status", show: (at, order) => {
        write(at, order.cancelRequested && !order.terminal ? `${word(order)} · cancelling` : word(order));
        const refused = order.status === OrderState_Status.REJECTED || order.bracketIncomplete;
        const kind = refused ? "refused" : order.status === OrderState_Status.UNCONFIRMED ? "waits" : order.terminal ? "ended" : "";
        at.className = `status ${kind}`;
      },
    },
    {
      name: "side", label: "", show: (at, order) => {
        const side = Order_Action[order.action] ?? "";
        write(at, side);
        at.className = `side ${side}`;
      },
    },
    cell("quantity", "quantity", (order) => order.quantity, true),
    cell("symbol", "symbol", (order) => order.symbol),
    cell("type", "type", (order) => Order_OrderType[order.orderType] ?? ""),
    cell("limit", "price", price, true),
    cell("tif", "tif", (order) => Order_TimeInForce[order.tif] ?? ""),
    cell("filled", "filled", (order) => `${order.filled}/${order.quantity}${order.avgFillPrice === undefined ? "" : ` @ ${order.avgFillPrice}`}`, true),
    cell("error", "", remark),
    {
      name: "act", label: "", show: (at, order) => {
        if (order.terminal) return at.replaceChildren();
        button(at, 0, "Change", "replace", order);
        button(at, 1, "Cancel", "cancel", order);
      },
    },
  ], (order) => String(order.orderId), open);
}

export function fillsTable(model: Model): Table<Fill> {
  return new Table<Fill>(element("fills"), "Fills", [
    cell("time", "time", (fill) => (fill.time === undefined ? "" : new Date(Number(fill.time.seconds) * 1000).toLocaleTimeString())),
    cell("order", "order", (fill) => String(fill.orderId), true),
    cell("quantity", "quantity", (fill) => fill.quantity, true),
    cell("symbol", "symbol", (fill) => model.orders.get(fill.orderId)?.symbol ?? ""),
    cell("price", "price", (fill) => fill.price, true),
    cell("exchange", "exchange", (fill) => fill.exchange),
  ], (fill) => fill.execId, () => {});
}
