/** A gateway and the exchange behind it for your own tests in Node (node:test, vitest …): real programs on free ports. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Client as Stub, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { Client } from "./client.js";
import { type SimulatedOrder, SetModeRequest_Mode, SimulatorControl } from "./gen/ibkr/simulator/v1/control_pb.js";
import { type NodeOptions, connect } from "./node.js";

export type { SimulatedOrder };

/** Longest waits, in milliseconds. */
const START_MAX = 30_000;
const STOP_MAX = 15_000;
const CALL_MAX = 10_000;

/** Says what the simulated exchange does. Every method resolves when the thing is done. Orders are named by the gateway's order id. */
export class Exchange {
  private readonly stub: Stub<typeof SimulatorControl>;
  private readonly options = { timeoutMs: CALL_MAX };

  constructor(address: string) {
    this.stub = createClient(SimulatorControl, createGrpcTransport({ baseUrl: `http://${address}` }));
  }

  /** From now on orders are acknowledged, and nothing fills, expires or moves until you say so. */
  async explicit(): Promise<void> {
    await this.stub.setMode({ mode: SetModeRequest_Mode.EXPLICIT }, this.options);
  }
  /** The market moves by itself again, and marketable orders fill at once. */
  async automatic(): Promise<void> {
    await this.stub.setMode({ mode: SetModeRequest_Mode.AUTOMATIC }, this.options);
  }
  /** Fills what is left of an order, or a quantity, at the price given, else at its limit or the market's price. */
  async fill(orderId: number, part: { quantity?: string; price?: string } = {}): Promise<void> {
    await this.stub.fill({ order: { orderId }, ...part }, this.options);
  }
  /** Refuses an order that was taken before, with TWS's code (default 201) and text. */
  async reject(orderId: number, why: { code?: number; text?: string } = {}): Promise<void> {
    await this.stub.reject({ order: { orderId }, ...why }, this.options);
  }
  /** Refuses the next order that is transmitted. */
  async rejectNext(why: { code?: number; text?: string } = {}): Promise<void> {
    await this.stub.rejectNext(why, this.options);
  }
  /** The exchange cancels a working order by itself. */
  async expire(orderId: number): Promise<void> {
    await this.stub.expire({ order: { orderId } }, this.options);
  }
  /** Withholds what TWS says about new orders, or about cancels; false lets go what was withheld. */
  async hold(what: { acknowledgements?: boolean; cancels?: boolean }): Promise<void> {
    await this.stub.hold(what, this.options);
  }
  /** Breaks the gateway's connection to TWS; with `stayDown` until `restoreLink`. */
  async cutLink({ stayDown = false } = {}): Promise<void> {
    await this.stub.cutLink({ stayDown }, this.options);
  }
  /** Lets the gateway connect to TWS again. */
  async restoreLink(): Promise<void> {
    await this.stub.restoreLink({}, this.options);
  }
  /** TWS loses IB's servers: the gateway refuses orders with IB_UNAVAILABLE. */
  async loseIb(): Promise<void> {
    await this.stub.loseIb({}, this.options);
  }
  /** TWS has IB's servers back. */
  async restoreIb({ dataLost = false } = {}): Promise<void> {
    await this.stub.restoreIb({ dataLost }, this.options);
  }
  /** Moves a symbol's price; orders that it reaches fill, in explicit mode too. */
  async movePrice(symbol: string, price: string): Promise<void> {
    await this.stub.movePrice({ symbol, price }, this.options);
  }
  /** Sets what an account (the first, unless named) holds of a symbol, as if it had been there; a quantity of "0" closes it. */
  async setPosition(symbol: string, quantity: string, { averageCost = "", account = "" } = {}): Promise<void> {
    await this.stub.setPosition({ account, symbol, quantity, averageCost }, this.options);
  }
  /** Says whether IB has the accounts ready; while not, account values are those of before. */
  async setAccountReady(ready: boolean): Promise<void> {
    await this.stub.setAccountReady({ ready }, this.options);
  }
  /** Halts the exchange: orders placed from now on wait as PRE_SUBMITTED. */
  async halt(): Promise<void> {
    await this.stub.haltExchange({}, this.options);
  }
  /** Ends the halt. */
  async resume(): Promise<void> {
    await this.stub.resumeExchange({}, this.options);
  }
  /** The orders that reached the exchange. */
  async orders(): Promise<SimulatedOrder[]> {
    return (await this.stub.listOrders({}, this.options)).orders;
  }
}

/** A program that logs to a file and is stopped by its process id. */
class Program {
  private readonly child: ChildProcess;
  private readonly from: number;
  private readonly ended: Promise<number | null>;

  constructor(private readonly name: string, words: string[], private readonly log: string, directory: string, settings: Record<string, string>) {
    const output = openSync(log, "a");
    this.from = statSync(log).size;
    const kept = Object.fromEntries(["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "RUST_LOG"].flatMap((n) => {
      const value = process.env[n];
      return value === undefined ? [] : [[n, value]];
    }));
    const [command = "", ...rest] = words;
    this.child = spawn(command, rest, { cwd: directory, env: { ...kept, ...settings }, stdio: ["ignore", output, output], detached: true });
    closeSync(output);
    this.ended = new Promise((done) => {
      this.child.once("exit", done);
      this.child.once("error", () => done(null));
    });
  }

  said(): string {
    return readFileSync(this.log).subarray(this.from).toString();
  }

  /** The address in the line that begins with these words. */
  async address(after: string): Promise<string> {
    const end = Date.now() + START_MAX;
    for (;;) {
      const found = this.said().split("\n").find((line) => line.startsWith(`${after} `));
      if (found !== undefined) return found.slice(after.length + 1);
      if (this.child.exitCode !== null || Date.now() > end) throw new Error(`${this.name} did not start: ${this.said().slice(-2000)}`);
      await pause(10);
    }
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    const late = setTimeout(() => this.child.kill("SIGKILL"), STOP_MAX);
    await this.ended;
    clearTimeout(late);
  }
}

/** A gateway on a simulated TWS, both on free ports of loopback. The TWS outlives a gateway that is killed. */
export class SimulatedGateway {
  private gateway: Program | undefined;
  private listen = "127.0.0.1:0";
  /** Where the page and gRPC-Web are, for a gateway with the setting WEB_LISTEN (`127.0.0.1:0` takes a free port). */
  web: string | undefined;

  private constructor(
    private readonly program: string, readonly directory: string, private readonly tws: Program, readonly exchange: Exchange,
    private readonly settings: Record<string, string>, private readonly options: NodeOptions,
  ) {}

  /** Starts both. `settings` are environment variables of the gateway, `options` what a client needs to reach a gateway with TLS or tokens;
   * IBKR_ORDERS_BIN names the program (default: on PATH). */
  static async start(settings: Record<string, string> = {}, options: NodeOptions = {}): Promise<SimulatedGateway> {
    const named = process.env["IBKR_ORDERS_BIN"];
    const program = named === undefined ? "ibkr-orders" : resolve(named);
    const directory = mkdtempSync(join(tmpdir(), "ibkr-orders-"));
    const words = [program, "simulate", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"];
    const tws = new Program("simulator", words, join(directory, "simulator.log"), directory, {});
    try {
      const [, port = ""] = (await tws.address("listening on")).split(":");
      const exchange = new Exchange(await tws.address("control of the simulator on"));
      const gateway = new SimulatedGateway(program, directory, tws, exchange, {
        ...settings, IB_PORT: port, ORDER_DB_PATH: join(directory, "orders.db"),
      }, options);
      await gateway.start();
      return gateway;
    } catch (error) {
      await tws.end("SIGTERM");
      throw error;
    }
  }

  /** Where the gateway listens; the same after a restart. */
  get address(): string {
    return `${this.settings["TLS_CERT"] === undefined ? "http" : "https"}://${this.listen}`;
  }

  /** A client of this gateway. */
  client(): Client {
    return connect(this.address, this.options);
  }

  /** Starts the gateway, again after `stop` or `kill`, and waits until it can place orders. */
  async start(): Promise<void> {
    this.gateway = new Program("gateway", [this.program, "serve", "--grpc-listen", this.listen], join(this.directory, "gateway.log"), this.directory, this.settings);
    this.listen = await this.gateway.address("listening on");
    if (this.settings["WEB_LISTEN"] !== undefined) {
      this.web = await this.gateway.address("page and gRPC-Web on");
      this.settings["WEB_LISTEN"] = new URL(this.web).host;
    }
    const end = Date.now() + START_MAX;
    while (!(await this.client().health({ deadline: START_MAX / 1000 })).connected) {
      if (Date.now() > end) throw new Error(`the gateway did not connect to its TWS: ${this.gateway.said().slice(-2000)}`);
      await pause(20);
    }
  }

  /** Ends the gateway as an operator does (SIGTERM). Its store stays. */
  async stop(): Promise<void> {
    await this.gateway?.end("SIGTERM");
  }

  /** Ends the gateway without a word (SIGKILL). Its store stays. */
  async kill(): Promise<void> {
    await this.gateway?.end("SIGKILL");
  }

  /** Ends everything. */
  async close(): Promise<void> {
    await this.stop();
    await this.tws.end("SIGTERM");
    rmSync(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
