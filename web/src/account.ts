// Positions as they change, and what is left of the limits.
import { type Client, type LimitLeft, OrderError, type Position } from "../../sdk/typescript/src/web.js";
import { cell, element, write } from "./dom.js";
import { Table } from "./table.js";

/** The positions of every account of the login, and how fresh they are. */
export class Positions {
  private readonly held = new Map<string, Position>();
  private readonly stale = new Set<string>();
  private rows: Position[] = [];
  private readonly table = new Table<Position>(element("positions"), "Positions", [
    cell("symbol", "symbol", (position) => position.symbol),
    cell("quantity", "quantity", (position) => position.quantity, true),
    cell("cost", "average cost", (position) => position.averageCost, true),
    cell("price", "price", (position) => position.marketPrice ?? "", true),
    cell("value", "value", (position) => position.marketValue ?? "", true),
    {
      name: "profit", label: "unrealized", number: true, show: (at, position) => {
        const text = position.unrealizedPnl ?? "";
        write(at, text);
        at.className = `profit number ${text.startsWith("-") ? "loss" : "gain"}`;
      },
    },
    cell("currency", "", (position) => position.currency),
    cell("account", "account", (position) => position.account),
  ], key, () => {});

  /** Follows the gateway for as long as the page is open. */
  async follow(client: Client): Promise<never> {
    for (;;) {
      try {
        let begins = true;
        for await (const { event, account } of client.watchAccount({ outageMax: 5 })) {
          // A stream begins with all there is.
          if (begins) this.held.clear();
          begins = event.case === "heartbeat" && begins;
          if (event.case === "position" && event.value.quantity === "0") this.held.delete(key(event.value));
          else if (event.case === "position") this.held.set(key(event.value), event.value);
          else if (event.case === "freshness" && event.value.positionsStale) this.stale.add(account);
          else if (event.case === "freshness") this.stale.delete(account);
          if (event.case !== "heartbeat" && event.case !== "value") this.changed();
        }
      } catch (error) {
        if (!(error instanceof OrderError)) throw error;
      }
      await new Promise((done) => setTimeout(done, 1_000));
    }
  }

  private changed(): void {
    this.rows = [...this.held.values()].sort((a, b) => a.account.localeCompare(b.account) || a.symbol.localeCompare(b.symbol));
    write(element("count-positions"), String(this.rows.length));
    element("positions").classList.toggle("stale", this.stale.size > 0);
    element("positions").title = this.stale.size > 0 ? "These may be old, or not all." : "";
    const rows = this.rows;
    this.table.set({ length: rows.length, at: (n) => rows[n] }, (row) => rows.findIndex((other) => key(other) === key(row)));
  }
}

const key = (position: Position): string => `${position.account} ${position.conId}`;

/** The rules in force, and what is left of them. */
export class Limits {
  private readonly table = new Table<LimitLeft>(element("limits"), "Limits", [
    cell("table", "of", (limit) => limit.table),
    cell("rule", "rule", (limit) => `${limit.rule}${limit.of === undefined ? "" : ` (${limit.of})`}${limit.warn ? " · warns only" : ""}`),
    cell("limit", "limit", (limit) => limit.limit, true),
    cell("used", "used", (limit) => limit.used ?? "", true),
    cell("left", "left", (limit) => limit.left ?? "", true),
  ], name, () => {});

  show(limits: LimitLeft[]): void {
    write(element("count-limits"), String(limits.length));
    this.table.set({ length: limits.length, at: (n) => limits[n] }, (row) => limits.findIndex((other) => name(other) === name(row)));
  }
}

const name = (limit: LimitLeft): string => `${limit.table} ${limit.rule} ${limit.of ?? ""} ${limit.warn}`;
