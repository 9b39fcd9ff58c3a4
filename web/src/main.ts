// The page: what it shows, and the keys and buttons that act.
import {
  type Event, type Fill, Link_State, OrderError, type OrderState, OrderState_Status, Order_Action, Order_OrderType, Order_TimeInForce, connect,
} from "../../sdk/typescript/src/web.js";
import { Model } from "./model.js";
import { type Column, Table } from "./table.js";

/** Silence of the gateway after which it counts as away, in milliseconds: heartbeats come each second. */
const SILENCE_MAX = 3_500;
/** Longest piece of work between two looks of the browser at its own, in milliseconds. */
const SLICE = 8;
/** Orders that have ended and are shown from before. */
const HISTORY = 500;
/** How many of them are asked for their fills. */
const HISTORY_FILLS = 50;
const TOKEN = "ibkr-orders-token";

function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no element ${id}`);
  return found as T;
}

const client = connect(location.origin, { token: () => sessionStorage.getItem(TOKEN) ?? undefined });
const model = new Model();
let view: "open" | "all" | "fills" = "open";
let heardAt = performance.now();

const word = (order: OrderState): string => OrderState_Status[order.status] ?? String(order.status);
const write = (cell: HTMLElement, text: string): void => {
  if (cell.textContent !== text) cell.textContent = text;
};
const cell = <T>(name: string, label: string, text: (row: T) => string, number = false): Column<T> => ({
  name, label, number, show: (at, row) => write(at, text(row)),
});

const orders = new Table<OrderState>(element("orders"), "Orders", [
  cell("id", "order", (order) => String(order.orderId), true),
  {
    name: "status", label: "status", show: (at, order) => {
      write(at, order.cancelRequested && !order.terminal ? `${word(order)} · cancelling` : word(order));
      const kind = order.status === OrderState_Status.REJECTED ? "refused" : order.status === OrderState_Status.UNCONFIRMED ? "waits" : order.terminal ? "ended" : "";
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
  cell("limit", "limit", (order) => order.limitPrice ?? Order_OrderType[order.orderType] ?? "", true),
  cell("tif", "tif", (order) => Order_TimeInForce[order.tif] ?? ""),
  cell("filled", "filled", (order) => `${order.filled}/${order.quantity}${order.avgFillPrice === undefined ? "" : ` @ ${order.avgFillPrice}`}`, true),
  cell("error", "", (order) => order.lastError ?? ""),
  {
    name: "act", label: "", show: (at, order) => {
      if (order.terminal) return at.replaceChildren();
      const button = at.firstElementChild instanceof HTMLButtonElement ? at.firstElementChild : at.appendChild(document.createElement("button"));
      write(button, "Cancel");
      button.dataset["order"] = String(order.orderId);
      button.setAttribute("aria-label", `Cancel order ${order.orderId}`);
    },
  },
], (order) => String(order.orderId), (order) => void detail(order));

const fills = new Table<Fill>(element("fills"), "Fills", [
  cell("time", "time", (fill) => (fill.time === undefined ? "" : new Date(Number(fill.time.seconds) * 1000).toLocaleTimeString())),
  cell("order", "order", (fill) => String(fill.orderId), true),
  cell("quantity", "quantity", (fill) => fill.quantity, true),
  cell("symbol", "symbol", (fill) => model.orders.get(fill.orderId)?.symbol ?? ""),
  cell("price", "price", (fill) => fill.price, true),
  cell("exchange", "exchange", (fill) => fill.exchange),
], (fill) => fill.execId, () => {});

let drawn = "";
let listed = "";
let ids: Int32Array = new Int32Array(0);
function draw(): void {
  const filter = element<HTMLInputElement>("filter").value;
  const now = `${view} ${filter} ${model.version}`;
  if (now !== drawn) {
    drawn = now;
    write(element("count-open"), String(model.open));
    write(element("count-all"), String(model.orders.size));
    write(element("count-fills"), String(model.fills.length));
    if (view === "fills") fills.set({ length: model.fills.length, at: (n) => model.fills[n] }, (fill) => model.fills.indexOf(fill));
    else {
      // Looked for anew only when orders came, ended or changed their status, or others are asked for.
      const asked = `${view} ${filter} ${model.shape}`;
      if (asked !== listed) {
        listed = asked;
        ids = model.shown(view === "all", filter, word);
      }
      const now = ids;
      orders.set({ length: now.length, at: (n) => model.orders.get(now[n] ?? 0) }, (order) => now.indexOf(order.orderId));
    }
  }
  if (performance.now() - heardAt > SILENCE_MAX) link("gateway", false);
  requestAnimationFrame(draw);
}

function link(name: "gateway" | "tws" | "ib", up: boolean): void {
  const at = element(`link-${name}`);
  const state = up ? "up" : "down";
  if (at.dataset["state"] === state) return;
  at.dataset["state"] = state;
  at.setAttribute("aria-label", `${at.textContent}: ${up ? "connected" : "not connected"}`);
  const down = (["gateway", "tws", "ib"] as const).find((each) => element(`link-${each}`).dataset["state"] === "down");
  const banner = element("banner");
  banner.hidden = down === undefined;
  banner.textContent = down === undefined ? "" : {
    gateway: "The gateway does not answer: what is shown may be old.",
    tws: "The gateway has lost TWS: orders may have changed meanwhile, and new ones are refused.",
    ib: "TWS has lost IB: new orders are refused, cancels wait in TWS.",
  }[down];
}

function say(text: string): void {
  const said = element("said");
  said.textContent = text;
  setTimeout(() => {
    if (said.textContent === text) said.textContent = "";
  }, 6_000);
}

async function health(): Promise<void> {
  const now = await client.health({ deadline: 5 });
  link("gateway", true);
  link("tws", now.connected);
  link("ib", now.ibConnected || !now.connected);
  write(element("account"), [now.accounts.join(" "), now.paper === undefined ? "" : now.paper ? "paper" : "LIVE"].filter((part) => part !== "").join(" · "));
}

function take(event: Event): void {
  heardAt = performance.now();
  link("gateway", true);
  switch (event.kind) {
    case "order":
      return model.take(event.order);
    case "fill":
      return model.fill(event.fill);
    case "link":
      link("tws", event.link.state !== Link_State.LOST);
      if (event.link.state === Link_State.IB_LOST) link("ib", false);
      if (event.link.state === Link_State.IB_RESTORED) link("ib", true);
      void health().catch(() => {});
      return;
    case "heartbeat":
      return link("tws", event.connected);
    case "historyChanged":
      return model.clear();
    case "snapshotEnd":
    case "unknown":
      return;
  }
}

/** Follows the gateway for as long as the page is open. */
async function follow(): Promise<void> {
  let after = 0n;
  for (;;) {
    try {
      await health();
      if (after === 0n) await history();
      let begun = performance.now();
      for await (const event of client.watch({ afterSequence: after, outageMax: 5 })) {
        take(event);
        after = event.sequence;
        if (performance.now() - begun > SLICE) {
          await new Promise((done) => setTimeout(done));
          begun = performance.now();
        }
      }
    } catch (error) {
      if (error instanceof OrderError && error.reason === "UNAUTHENTICATED") await askToken();
      else if (error instanceof OrderError && error.reason === "SEQUENCE") {
        model.clear();
        after = 0n;
      } else if (error instanceof OrderError) {
        if (!error.fromGateway) link("gateway", false);
        await new Promise((done) => setTimeout(done, 500));
      } else throw error;
    }
  }
}

/** The latest orders, those that have ended among them: a watch begins with those that have not. */
async function history(): Promise<void> {
  let n = 0;
  for await (const order of client.list({ pageSize: HISTORY })) {
    model.take(order);
    n += 1;
    if (n >= HISTORY) break;
  }
  const filled = [...model.orders.values()].filter((order) => order.filled !== "0").slice(0, HISTORY_FILLS);
  const before = (await Promise.all(filled.map(({ orderId }) => client.get({ orderId })))).flatMap(({ fills }) => fills);
  before.sort((a, b) => Number((a.time?.seconds ?? 0n) - (b.time?.seconds ?? 0n)));
  for (const fill of before) model.fill(fill);
}

async function dialog(id: string): Promise<string> {
  const shown = element<HTMLDialogElement>(id);
  if (shown.open) return "";
  shown.returnValue = "";
  shown.showModal();
  await new Promise((done) => shown.addEventListener("close", done, { once: true }));
  return shown.returnValue;
}

async function askToken(): Promise<void> {
  const input = element<HTMLInputElement>("token-value");
  input.value = "";
  await dialog("token");
  if (input.value !== "") sessionStorage.setItem(TOKEN, input.value.trim());
  input.value = "";
}

const phrase = (order: OrderState): string =>
  [Order_Action[order.action], order.quantity, order.symbol, Order_OrderType[order.orderType], order.limitPrice].filter((part) => part !== undefined).join(" ");

async function cancel(order: OrderState): Promise<void> {
  if (order.terminal) return;
  element("confirm-text").textContent = `Order ${order.orderId}: ${phrase(order)}, ${order.filled} filled.`;
  if ((await dialog("confirm")) !== "yes") return;
  try {
    const now = await client.cancel({ orderId: order.orderId });
    model.take(now);
    say(`Order ${order.orderId}: ${word(now)}`);
  } catch (error) {
    say(`Order ${order.orderId} was not cancelled: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function detail(order: OrderState): Promise<void> {
  element("detail-title").textContent = `Order ${order.orderId}: ${phrase(order)}`;
  const fields: [string, string | undefined][] = [
    ["status", word(order)], ["filled", order.filled], ["remaining", order.remaining], ["average price", order.avgFillPrice], ["commission", order.commission],
    ["account", order.account], ["request id", order.requestId], ["order ref", order.orderRef], ["permanent id", order.permId?.toString()],
    ["last error", order.lastError === undefined ? undefined : `${order.lastErrorCode ?? ""} ${order.lastError}`],
  ];
  element("detail-fields").replaceChildren(...fields.flatMap(([name, value]) => {
    if (value === undefined || value === "") return [];
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    dt.textContent = name;
    dd.textContent = value;
    return [dt, dd];
  }));
  const list = element("detail-fills");
  list.replaceChildren();
  const closed = dialog("detail");
  try {
    const stored = await client.get({ orderId: order.orderId });
    list.replaceChildren(...stored.fills.map((fill) => {
      const item = document.createElement("li");
      item.textContent = `${fill.quantity} at ${fill.price} on ${fill.exchange}${fill.commission === undefined ? "" : `, commission ${fill.commission} ${fill.currency ?? ""}`}`;
      return item;
    }));
  } catch (error) {
    list.textContent = error instanceof Error ? error.message : String(error);
  }
  await closed;
  orders.focus();
}

function show(next: typeof view): void {
  view = next;
  for (const name of ["open", "all", "fills"] as const) {
    const tab = element(`tab-${name}`);
    tab.setAttribute("aria-selected", String(name === next));
    tab.tabIndex = name === next ? 0 : -1;
  }
  element("orders").hidden = next === "fills";
  element("fills").hidden = next !== "fills";
  element("orders").setAttribute("aria-labelledby", `tab-${next === "all" ? "all" : "open"}`);
  drawn = "";
}

for (const name of ["open", "all", "fills"] as const) {
  const tab = element(`tab-${name}`);
  tab.addEventListener("click", () => show(name));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const names = ["open", "all", "fills"] as const;
    const next = names[(names.indexOf(name) + step + names.length) % names.length] ?? "open";
    show(next);
    element(`tab-${next}`).focus();
  });
}
element("orders").addEventListener("click", (event) => {
  const id = (event.target as Element).closest<HTMLElement>("button")?.dataset["order"];
  const order = id === undefined ? undefined : model.orders.get(Number(id));
  if (order !== undefined) void cancel(order);
});
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement || document.querySelector("dialog[open]") !== null;
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const views = { 1: "open", 2: "all", 3: "fills" } as const;
  if (event.key === "/") element("filter").focus();
  else if (event.key === "c" && view !== "fills" && orders.current !== undefined) void cancel(orders.current);
  else if (event.key in views) show(views[event.key as unknown as keyof typeof views]);
  else return;
  event.preventDefault();
});
element("filter").addEventListener("keydown", (event) => {
  if (event.key === "Escape" || event.key === "Enter" || event.key === "ArrowDown") {
    event.preventDefault();
    (view === "fills" ? fills : orders).focus();
  }
});

requestAnimationFrame(draw);
void follow();
