// The page: what it shows, and the keys and buttons that act.
import { type Event, Link_State, OrderError, type OrderState, connect } from "../../sdk/typescript/src/web.js";
import { Limits, Positions } from "./account.js";
import { Actions } from "./act.js";
import { dialog, element, told, write } from "./dom.js";
import { Model } from "./model.js";
import { fillsTable, ordersTable, phrase, word } from "./orders.js";

/** Silence of the gateway after which it counts as away, in milliseconds: heartbeats come each second. */
const SILENCE_MAX = 3_500;
/** Longest piece of work between two looks of the browser at its own, in milliseconds. */
const SLICE = 8;
/** Between two looks at what is left of the limits, in milliseconds. */
const LIMITS_EVERY = 5_000;
/** Orders that have ended and are shown from before. */
const HISTORY = 500;
/** How many of them are asked for their fills. */
const HISTORY_FILLS = 50;
const TOKEN = "ibkr-orders-token";
const VIEWS = ["open", "all", "fills", "positions", "limits"] as const;
type View = (typeof VIEWS)[number];

const client = connect(location.origin, { token: () => sessionStorage.getItem(TOKEN) ?? undefined });
const model = new Model();
const positions = new Positions();
const limits = new Limits();
const actions = new Actions(client, limits, (order) => model.take(order));
const orders = ordersTable((order) => void detail(order));
const fills = fillsTable(model);
let view: View = "open";
let heardAt = performance.now();

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
    else if (view === "open" || view === "all") {
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
      if (event.link.state !== Link_State.HALTED && event.link.state !== Link_State.RESUMED) link("tws", event.link.state !== Link_State.LOST);
      if (event.link.state === Link_State.IB_LOST) link("ib", false);
      if (event.link.state === Link_State.IB_RESTORED) link("ib", true);
      if (event.link.state === Link_State.HALTED || event.link.state === Link_State.RESUMED) void actions.learnLimits().catch(() => {});
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
      await actions.learnRole();
      await actions.learnLimits();
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

async function askToken(): Promise<void> {
  const input = element<HTMLInputElement>("token-value");
  input.value = "";
  await dialog("token");
  if (input.value !== "") sessionStorage.setItem(TOKEN, input.value.trim());
  input.value = "";
}

async function detail(order: OrderState): Promise<void> {
  element("detail-title").textContent = `Order ${order.orderId}: ${phrase(order)}`;
  const fields: [string, string | undefined][] = [
    ["status", word(order)], ["filled", order.filled], ["remaining", order.remaining], ["average price", order.avgFillPrice], ["commission", order.commission],
    ["account", order.account], ["request id", order.requestId], ["order ref", order.orderRef], ["permanent id", order.permId?.toString()],
    ["held", order.whyHeld], ["bracket", order.bracketId?.toString()], ["placed by", order.placedBy], ["OCA group", order.ocaGroup],
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
    list.textContent = told(error);
  }
  await closed;
  orders.focus();
}

function show(next: View): void {
  view = next;
  for (const name of VIEWS) {
    const tab = element(`tab-${name}`);
    tab.setAttribute("aria-selected", String(name === next));
    tab.tabIndex = name === next ? 0 : -1;
  }
  const section = (name: View): string => (name === "all" ? "open" : name) === "open" ? "orders" : name;
  for (const name of VIEWS) element(section(name)).hidden = section(name) !== section(next);
  element("orders").setAttribute("aria-labelledby", `tab-${next === "all" ? "all" : "open"}`);
  drawn = "";
}

for (const name of VIEWS) {
  const tab = element(`tab-${name}`);
  tab.addEventListener("click", () => show(name));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = VIEWS[(VIEWS.indexOf(name) + step + VIEWS.length) % VIEWS.length] ?? "open";
    show(next);
    element(`tab-${next}`).focus();
  });
}
for (const button of document.querySelectorAll<HTMLElement>("dialog .dismiss")) button.addEventListener("click", () => button.closest("dialog")?.close());
element("orders").addEventListener("click", (event) => {
  const { order: id, act } = (event.target as Element).closest<HTMLElement>("button")?.dataset ?? {};
  const order = id === undefined ? undefined : model.orders.get(Number(id));
  if (order !== undefined) void (act === "replace" ? actions.replace(order) : actions.cancel(order));
});
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement || document.querySelector("dialog[open]") !== null;
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const order = view === "open" || view === "all" ? orders.current : undefined;
  const asked = VIEWS[Number(event.key) - 1];
  if (event.key === "/") element("filter").focus();
  else if (event.key === "c" && order !== undefined) void actions.cancel(order);
  else if (event.key === "r" && order !== undefined) void actions.replace(order);
  else if (event.key === "h") void actions.stopButton();
  else if (asked !== undefined) show(asked);
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
void positions.follow(client);
setInterval(() => void actions.learnLimits().catch(() => {}), LIMITS_EVERY);
