// The page in Chromium, against the real program. IBKR_ORDERS_BIN names the program, CHROMIUM the browser (default /usr/bin/chromium);
// PICTURES names a folder for pictures of the page.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { type Browser, type BrowserContext, type Page, chromium } from "playwright-core";
import { OrderService } from "../../sdk/typescript/src/gen/ibkr/orders/v1/orders_pb.js";
import { Order_Action, Order_OrderType } from "../../sdk/typescript/src/node.js";
import { SimulatedGateway } from "../../sdk/typescript/src/testing.js";

/** Longest wait for anything the page shows, in milliseconds. */
const LIMIT = 30_000;
const limit = { action: Order_Action.BUY, symbol: "AAPL", orderType: Order_OrderType.LMT, quantity: "10", limitPrice: "200" };
let browser: Browser;

before(async () => {
  browser = await chromium.launch({ executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
});
after(() => browser.close());

/** A page of a gateway, and what must be true of every page at its end: no request went elsewhere, and nothing was said in the console. */
async function visit<T>(gateway: SimulatedGateway, use: (page: Page, context: BrowserContext) => Promise<T>, options: { width?: number; height?: number; dark?: boolean; tolerate?: RegExp } = {}): Promise<T> {
  const { width = 1280, height = 800, dark = false, tolerate } = options;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", ignoreHTTPSErrors: true });
  // The compiler of the tests names functions with this; the browser does not have it.
  await context.addInitScript("globalThis.__name = (named) => named");
  const elsewhere: string[] = [];
  const said: string[] = [];
  context.on("request", (request) => {
    if (new URL(request.url()).origin !== gateway.web) elsewhere.push(request.url());
  });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT);
  page.on("console", (message) => {
    if ((message.type() === "error" || message.type() === "warning") && !tolerate?.test(message.text())) said.push(message.text());
  });
  page.on("pageerror", (error) => said.push(String(error)));
  try {
    assert(gateway.web !== undefined);
    await page.goto(gateway.web);
    const result = await use(page, context);
    assert.deepEqual(elsewhere, [], "requests to other hosts");
    assert.deepEqual(said, [], "console");
    return result;
  } finally {
    await context.close();
  }
}

async function withGateway(use: (gateway: SimulatedGateway) => Promise<void>, settings: Record<string, string> = {}): Promise<void> {
  const gateway = await SimulatedGateway.start({ WEB_LISTEN: "127.0.0.1:0", ...settings });
  try {
    await gateway.exchange.explicit();
    await use(gateway);
  } finally {
    await gateway.close();
  }
}

/** The longest task of the page's main thread, by the time that thread had a core: others on the machine do not count. */
function longestTask(trace: Buffer): { cpuMs: number; found: number } {
  interface TraceEvent { name: string; pid: number; tid: number; tdur?: number; args?: { name?: string } }
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const mains = new Set(traceEvents.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain").map(({ pid, tid }) => `${pid} ${tid}`));
  const tasks = traceEvents.filter(({ name, pid, tid, tdur }) => name.endsWith("RunTask") && tdur !== undefined && mains.has(`${pid} ${tid}`));
  return { cpuMs: tasks.reduce((most, { tdur = 0 }) => Math.max(most, tdur), 0) / 1000, found: tasks.length };
}

const row = (orderId: number): string => `#orders .row[data-key="${orderId}"]`;
const connected = (page: Page) => page.waitForSelector('#link-tws[data-state="up"]');

test("an order placed elsewhere appears within 200 ms, is filled, and can be cancelled with the mouse", () => withGateway(async (gateway) => {
  await visit(gateway, async (page) => {
    await connected(page);
    // The page notes when it first shows an order.
    await page.evaluate(() => {
      const seen: Record<string, number> = {};
      (globalThis as unknown as { seen: typeof seen }).seen = seen;
      const look = (): void => {
        for (const row of document.querySelectorAll<HTMLElement>("#orders .row:not([hidden])")) seen[row.dataset["key"] ?? ""] ??= Date.now();
        requestAnimationFrame(look);
      };
      look();
    });
    const client = gateway.client();
    const delays: number[] = [];
    let orderId = 0;
    for (let n = 0; n < 5; n += 1) {
      ({ orderId } = await client.place(limit, { transmit: true }));
      const placed = Date.now();
      await page.waitForSelector(row(orderId));
      const at = await page.evaluate((key) => (globalThis as unknown as { seen: Record<string, number> }).seen[key] ?? Infinity, String(orderId));
      delays.push(at - placed);
    }
    delays.sort((a, b) => a - b);
    assert((delays[2] ?? Infinity) <= 200, `shown after ${delays} ms`);

    await gateway.exchange.fill(orderId, { quantity: "4", price: "199.5" });
    await page.waitForSelector(`${row(orderId)} .filled:text("4/10 @ 199.5")`);
    await page.click(`${row(orderId)} [data-act="cancel"]`);
    await page.click("#confirm-yes");
    await page.waitForSelector(row(orderId), { state: "hidden" });
    await page.click("#tab-all");
    await page.waitForSelector(`${row(orderId)} .status:text("CANCELLED")`);
    await page.click("#tab-fills");
    await page.waitForSelector('#fills .row .price:text("199.5")');
  });
}));

test("everything can be done with the keyboard alone", () => withGateway(async (gateway) => {
  const client = gateway.client();
  const { orderId } = await client.place(limit, { transmit: true });
  await client.place({ ...limit, symbol: "MSFT" }, { transmit: true });
  await visit(gateway, async (page) => {
    await page.waitForSelector(row(orderId));
    await page.keyboard.press("/");
    await page.keyboard.type("aapl");
    await page.waitForFunction(() => document.querySelectorAll("#orders .row:not([hidden])").length === 1);
    await page.keyboard.press("Enter");
    await page.keyboard.press("ArrowDown");
    await page.waitForSelector(`${row(orderId)}[aria-selected="true"]`);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#detail[open]");
    assert.match(await page.innerText("#detail-title"), new RegExp(`Order ${orderId}: BUY 10 AAPL LMT 200`));
    await page.keyboard.press("Escape");
    await page.waitForSelector("#detail", { state: "hidden" });
    await page.keyboard.press("c");
    await page.waitForSelector("#confirm[open]");
    // The safe answer has the focus: a second key by mistake keeps the order.
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Keep it");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForSelector(row(orderId), { state: "hidden" });
    assert.equal((await client.get({ orderId })).order?.terminal, true);
    await page.keyboard.press("3");
    await page.waitForSelector('#tab-fills[aria-selected="true"]');
  });
}));

test("a bracket stands under its entry, and an exit goes only with the other one", () => withGateway(async (gateway) => {
  const client = gateway.client();
  const placed = await client.placeBracket({ entry: limit, takeProfit: { limitPrice: "220" }, stopLoss: { stopPrice: "190" } });
  const [entry = 0, target = 0, stop = 0] = [placed.entry, placed.takeProfit, placed.stopLoss].map((order) => order?.orderId);
  const later = await client.place({ ...limit, symbol: "MSFT" }, { transmit: true });
  await visit(gateway, async (page) => {
    await page.waitForSelector(row(stop));
    const shown = () => page.$$eval("#orders .row:not([hidden])", (rows) => rows.map((row) => Number((row as HTMLElement).dataset["key"])));
    assert.deepEqual(await shown(), [later.orderId, entry, target, stop]);
    assert.deepEqual(await page.$$eval("#orders .row:not([hidden]) .leg", (legs) => legs.map((leg) => Number(leg.textContent))), [target, stop]);
    assert.match(await page.innerText(`${row(stop)} .limit`), /stop 190/);
    await gateway.exchange.fill(entry);
    await page.waitForSelector(`${row(entry)} .status:text("FILLED")`);
    // The entry has ended and stays for as long as its exits work.
    assert.deepEqual(await shown(), [later.orderId, entry, target, stop]);
    await page.click(`${row(target)} [data-act="cancel"]`);
    assert.match(await page.innerText("#confirm-text"), /TWS ends both/);
    await page.click("#confirm-yes");
    await page.waitForFunction((id) => [...document.querySelectorAll<HTMLElement>("#orders .row:not([hidden])")].every((row) => row.dataset["key"] === id), String(later.orderId));
  });
}));

test("an order is changed with the keyboard, and left alone where somebody changed it meanwhile", () => withGateway(async (gateway) => {
  const client = gateway.client();
  const { orderId } = await client.place(limit, { transmit: true });
  await visit(gateway, async (page) => {
    await page.waitForSelector('body[data-role="trade"]');
    await page.waitForSelector(row(orderId));
    await page.focus("#orders .rows");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("r");
    await page.waitForSelector("#replace[open]");
    assert.deepEqual(await page.$$eval("#replace label:not([hidden])", (labels) => labels.map((label) => label.firstChild?.textContent?.trim())), ["Quantity", "Limit", "Time in force"]);
    await page.fill("#replace-limitPrice", "201.5");
    await page.keyboard.press("Enter");
    await page.waitForSelector(`${row(orderId)} .limit:text("201.5")`);
    assert.match(await page.innerText("#said"), /change ACCEPTED/);
    await page.click(`${row(orderId)} [data-act="replace"]`);
    await page.waitForSelector("#replace[open]");
    await client.replace({ orderId }, { quantity: "11" });
    await page.fill("#replace-limitPrice", "202");
    await page.click("#replace-yes");
    await page.waitForFunction(() => document.getElementById("said")?.textContent?.includes("was not changed"));
    assert.equal((await client.get({ orderId })).order?.limitPrice, "201.5");
  });
}));

test("the stop button halts and resumes, and a halt by somebody else shows", () => withGateway(async (gateway) => {
  const client = gateway.client();
  const { orderId } = await client.place(limit, { transmit: true });
  await visit(gateway, async (page) => {
    await page.waitForSelector(row(orderId));
    await page.keyboard.press("h");
    await page.waitForSelector("#halt-dialog[open]");
    await page.fill("#halt-reason", "looks wrong");
    await page.check("#halt-cancel");
    await page.click("#halt-yes");
    await page.waitForSelector("#halted:not([hidden])");
    assert.match(await page.innerText("#halted"), /halted \(everybody: looks wrong\)/);
    await page.waitForSelector(row(orderId), { state: "hidden" });
    await assert.rejects(client.place(limit, { transmit: true }), /HALTED/);
    await page.click("#halt:text('Resume')");
    await page.click("#resume-yes");
    await page.waitForSelector("#halted", { state: "hidden" });
    assert.equal((await client.place(limit, { transmit: true })).submitted, true);
    await client.halt("by somebody else");
    await page.waitForSelector("#halted:not([hidden])");
    assert.match(await page.innerText("#halted"), /by somebody else/);
  });
}));

test("positions follow fills, and limits show what is left", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ibkr-orders-limits-"));
  const file = join(directory, "limits.toml");
  writeFileSync(file, "[default]\nmax_open_orders = 7\nmax_order_quantity = 500\n\n[end]\n");
  try {
    await withGateway(async (gateway) => {
      const client = gateway.client();
      const { orderId } = await client.place(limit, { transmit: true });
      await gateway.exchange.setPosition("IBM", "-30", { averageCost: "231.5" });
      await visit(gateway, async (page) => {
        await page.waitForSelector(row(orderId));
        await page.keyboard.press("4");
        await page.waitForSelector('#positions .row:has(.symbol:text("IBM")) .quantity:text("-30")');
        await gateway.exchange.fill(orderId, { price: "199" });
        await page.waitForSelector('#positions .row:has(.symbol:text("AAPL")) .quantity:text-is("10")');
        await client.place(limit, { transmit: true });
        await page.keyboard.press("5");
        await page.waitForSelector('#limits .row:has(.rule:text("max_open_orders")) .left:text-is("6")');
        await page.waitForSelector('#limits .row:has(.rule:text("max_order_quantity")) .limit:text("500")');
        assert.equal(await page.innerText("#count-limits"), "2");
      });
    }, { LIMITS_FILE: file });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("whoever may only read sees no buttons, and no key acts", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ibkr-orders-roles-"));
  const tokens = join(directory, "tokens");
  const [reader, trader] = ["a-token-that-only-reads", "a-token-that-may-trade"];
  writeFileSync(tokens, `${trader} role=trade name=trader\n${reader} role=read name=reader\n`);
  const gateway = await SimulatedGateway.start({ WEB_LISTEN: "127.0.0.1:0", AUTH_TOKEN_FILE: tokens }, { token: trader });
  try {
    await gateway.exchange.explicit();
    const client = gateway.client();
    const { orderId } = await client.place(limit, { transmit: true });
    const signIn = async (page: Page, token: string): Promise<void> => {
      await page.waitForSelector("#token[open]");
      await page.fill("#token-value", token);
      await page.keyboard.press("Enter");
      await page.waitForSelector(row(orderId));
    };
    await visit(gateway, async (page) => {
      await signIn(page, reader);
      await page.waitForSelector('body[data-role="read"]');
      const buttons = await page.$$eval("button:not([role=tab])", (all) => all.filter((button) => button.getBoundingClientRect().width > 0).length);
      assert.equal(buttons, 0);
      await page.focus("#orders .rows");
      await page.keyboard.press("ArrowDown");
      for (const key of ["c", "r", "h"]) await page.keyboard.press(key);
      assert.equal(await page.$("dialog[open]"), null);
      await page.keyboard.press("4");
      await page.waitForSelector('#tab-positions[aria-selected="true"]');
    });
    await visit(gateway, async (page) => {
      await signIn(page, trader);
      await page.waitForSelector(`${row(orderId)} [data-act="cancel"]`);
      await client.halt("a trader may halt");
      await page.click("#halt:text('Resume')");
      await page.click("#resume-yes");
      await page.waitForFunction(() => document.getElementById("said")?.textContent?.includes("only an admin"));
    });
  } finally {
    await gateway.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

test("a broken link, a lost IB, a halted exchange and a killed gateway show, and heal", () => withGateway(async (gateway) => {
  const { exchange } = gateway;
  await visit(gateway, async (page) => {
    await connected(page);
    await exchange.halt();
    const { orderId } = await gateway.client().place(limit, { transmit: true });
    await page.waitForSelector(`${row(orderId)} .status:text("PRE_SUBMITTED")`);
    await exchange.resume();
    await page.waitForSelector(`${row(orderId)} .status:text-is("SUBMITTED")`);
    await exchange.loseIb();
    await page.waitForSelector('#link-ib[data-state="down"]');
    assert.match(await page.innerText("#banner"), /TWS has lost IB/);
    await exchange.restoreIb();
    await page.waitForSelector('#link-ib[data-state="up"]');
    await exchange.cutLink({ stayDown: true });
    await page.waitForSelector('#link-tws[data-state="down"]');
    assert.match(await page.innerText("#banner"), /lost TWS/);
    await exchange.restoreLink();
    await connected(page);
    await page.waitForSelector("#banner", { state: "hidden" });
    await gateway.kill();
    await page.waitForSelector('#link-gateway[data-state="down"]');
    assert.match(await page.innerText("#banner"), /does not answer/);
    await gateway.start();
    await page.waitForSelector('#link-gateway[data-state="up"]');
    await exchange.fill(orderId);
    await page.waitForSelector(row(orderId), { state: "hidden" });
  }, { tolerate: /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/ });
}));

test("it is whole on a phone, light and dark", () => withGateway(async (gateway) => {
  const client = gateway.client();
  for (const [n, symbol] of ["AAPL", "MSFT", "NVDA", "AMZN", "GOOG", "TSLA"].entries()) {
    const order = n % 2 === 0 ? limit : { ...limit, action: Order_Action.SELL, limitPrice: "900" };
    const { orderId } = await client.place({ ...order, symbol }, { transmit: true });
    if (n % 3 === 0) await gateway.exchange.fill(orderId, { quantity: "4", price: "199.5" });
  }
  await client.place({ ...limit, symbol: "NOSUCHSYMBOL" }, { transmit: true });
  await client.placeBracket({ entry: { ...limit, symbol: "IBM" }, takeProfit: { limitPrice: "320" }, stopLoss: { stopPrice: "180" } });
  for (const [name, width, dark] of [["page", 1280, false], ["page-dark", 1280, true], ["phone", 360, false], ["phone-dark", 360, true]] as const) {
    await visit(gateway, async (page) => {
      await connected(page);
      await page.waitForFunction(() => document.querySelectorAll("#orders .row:not([hidden])").length >= 6);
      await page.waitForSelector('body[data-role="trade"]');
      for (const view of ["limits", "positions", "fills", "all", "open"]) {
        await page.click(`#tab-${view}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert(wide <= width, `${wide} px at a width of ${width} in ${view}`);
        // Every button can be reached: none lies outside the page.
        const outside = await page.evaluate(() => [...document.querySelectorAll("button")].filter((button) => {
          const box = button.getBoundingClientRect();
          return box.width > 0 && (box.left < 0 || box.right > innerWidth);
        }).map((button) => button.outerHTML));
        assert.deepEqual(outside, []);
      }
      if (process.env["PICTURES"]) {
        await page.click("#tab-all");
        await page.screenshot({ path: join(process.env["PICTURES"], `${name}.png`) });
      }
    }, { width, dark, height: width === 360 ? 640 : 480 });
  }
}));

test("ten thousand orders scroll and change without a stutter over 100 ms", () => withGateway(async (gateway) => {
  const client = gateway.client();
  let left = 10_000;
  await Promise.all(Array.from({ length: 64 }, async () => {
    while (left > 0) {
      left -= 1;
      await client.place(limit, { transmit: true, deadline: 60, timeout: 30 });
    }
  }));
  await visit(gateway, async (page) => {
    await browser.startTracing(page, { categories: ["toplevel", "disabled-by-default-devtools.timeline", "__metadata"] });
    await page.reload();
    await page.waitForFunction(() => document.getElementById("count-open")?.textContent === "10000", undefined, { timeout: 60_000 });
    await page.focus("#orders .rows");
    for (let n = 0; n < 20; n += 1) await page.keyboard.press("PageDown");
    await page.keyboard.press("End");
    await page.waitForSelector(row(1));
    for (let n = 0; n < 20; n += 1) await page.mouse.wheel(0, -4_000);
    await page.keyboard.press("Home");
    for (let n = 0; n < 50; n += 1) await client.place(limit, { transmit: true });
    await page.waitForFunction(() => document.getElementById("count-open")?.textContent === "10050");
    const rows = await page.evaluate(() => document.querySelectorAll("#orders .row").length);
    assert(rows < 100, `${rows} rows are in the document`);
    const longest = longestTask(await browser.stopTracing());
    assert(longest.found > 100 && longest.cpuMs <= 100, `a task of the page took ${longest.cpuMs} ms (of ${longest.found} tasks)`);
  });
}, { IB_MAX_MESSAGES_PER_SECOND: "100000" }));

test("through TLS with a token, from the page and from Node, streams included", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ibkr-orders-page-"));
  const [certificate, key, tokens] = ["server.pem", "server.key", "tokens"].map((name) => join(directory, name)) as [string, string, string];
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=gateway",
    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate], { stdio: "ignore" });
  const token = "a-token-for-this-test-only";
  writeFileSync(tokens, `${token}\n`);
  const settings = { WEB_LISTEN: "127.0.0.1:0", TLS_CERT: certificate, TLS_KEY: key, AUTH_TOKEN_FILE: tokens };
  const gateway = await SimulatedGateway.start(settings, { token, caFile: certificate });
  try {
    await gateway.exchange.explicit();
    const { orderId } = await gateway.client().place(limit, { transmit: true });
    for (const httpVersion of ["1.1", "2"] as const) {
      const headers = { authorization: `Bearer ${token}` };
      const transport = createGrpcWebTransport({ baseUrl: gateway.web ?? "", httpVersion, nodeOptions: { rejectUnauthorized: false } });
      const orders = createClient(OrderService, transport);
      assert.equal((await orders.get({ order: { case: "orderId", value: orderId } }, { headers, timeoutMs: LIMIT })).order?.orderId, orderId);
      await assert.rejects(orders.get({ order: { case: "orderId", value: orderId } }, { timeoutMs: LIMIT }), /no or wrong token/);
      await assert.rejects(orders.get({ order: { case: "orderId", value: orderId } }, { headers: { ...headers, origin: "https://evil.example" }, timeoutMs: LIMIT }));
      const stop = new AbortController();
      for await (const event of orders.watch({}, { headers, signal: stop.signal })) {
        if (event.event.case === "heartbeat") break;
      }
      stop.abort();
    }
    await visit(gateway, async (page) => {
      await page.waitForSelector("#token[open]");
      await page.fill("#token-value", "a-wrong-token-for-this-test");
      await page.keyboard.press("Enter");
      await page.waitForSelector("#token[open]");
      await page.fill("#token-value", token);
      await page.keyboard.press("Enter");
      await page.waitForSelector(row(orderId));
      await gateway.exchange.fill(orderId, { quantity: "1" });
      await page.waitForSelector(`${row(orderId)} .filled:text("1/10")`);
      assert.deepEqual(await page.evaluate(() => [Object.keys(sessionStorage), localStorage.length, document.cookie]), [["ibkr-orders-token"], 0, ""]);
    });
  } finally {
    await gateway.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

test("a page of another origin cannot reach it", () => withGateway(async (gateway) => {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.route("http://evil.example/", (route) => route.fulfill({ contentType: "text/html", body: "<h1>hello</h1>" }));
    await page.goto("http://evil.example/");
    const outcome = await page.evaluate(async (url) => {
      try {
        const body = new Uint8Array([0, 0, 0, 0, 0]);
        return (await fetch(url, { method: "POST", mode: "no-cors", headers: { "content-type": "text/plain" }, body })).type;
      } catch (error) {
        return String(error);
      }
    }, `${gateway.web}/ibkr.orders.v1.OrderService/Place`);
    assert(outcome === "opaque" || /TypeError/.test(outcome), outcome);
    const framed = await page.evaluate(async (url) => {
      const frame = document.body.appendChild(document.createElement("iframe"));
      frame.src = url;
      await new Promise((done) => { frame.onload = done; setTimeout(done, 3_000); });
      return frame.contentDocument === null;
    }, gateway.web ?? "");
    assert(framed);
    assert.equal((await gateway.exchange.orders()).length, 0);
  } finally {
    await context.close();
  }
}));
