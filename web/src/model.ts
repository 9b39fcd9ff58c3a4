// What the page knows: orders by id and the latest fills, in the order in which they are shown.
import type { Fill, OrderState } from "../../sdk/typescript/src/index.js";

/** Fills that are kept, the oldest forgotten first. */
const FILLS_MAX = 10_000;

/** The highest order id, and more than the ids of a bracket's exits lie behind that of its entry. */
const ID_MAX = 2 ** 31 - 1;
const FAMILY_MAX = 1024;

export class Model {
  readonly orders = new Map<number, OrderState>();
  readonly fills: Fill[] = [];
  open = 0;
  /** How many exits of a bracket have not ended, by the id of its entry, which is shown with them although it has ended. */
  private readonly openLegs = new Map<number, number>();
  /** Raised with each change, so that a view knows whether it is current. */
  version = 0;
  /** Raised when the list of orders itself is another one. */
  shape = 0;
  private readonly execIds = new Set<string>();

  take(order: OrderState): void {
    const before = this.orders.get(order.orderId);
    if (before !== undefined && before.sequence >= order.sequence) return;
    this.orders.set(order.orderId, order);
    const opened = Number(!order.terminal) - Number(before !== undefined && !before.terminal);
    this.open += opened;
    if (opened !== 0 && order.bracketId !== undefined && order.bracketId !== order.orderId) {
      this.openLegs.set(order.bracketId, (this.openLegs.get(order.bracketId) ?? 0) + opened);
    }
    if (before === undefined || opened !== 0 || before.status !== order.status) this.shape += 1;
    this.version += 1;
  }

  fill(fill: Fill): void {
    if (this.execIds.has(fill.execId)) return;
    this.execIds.add(fill.execId);
    this.fills.unshift(fill);
    const forgotten = this.fills.length > FILLS_MAX ? this.fills.pop() : undefined;
    if (forgotten !== undefined) this.execIds.delete(forgotten.execId);
    this.version += 1;
    this.shape += 1;
  }

  /** Forgets what a history says that is no longer ours. */
  clear(): void {
    this.orders.clear();
    this.fills.length = 0;
    this.execIds.clear();
    this.open = 0;
    this.openLegs.clear();
    this.version += 1;
    this.shape += 1;
  }

  /** Ids of the orders that are shown: newest first, those of a bracket together under its entry. */
  shown(all: boolean, filter: string, word: (order: OrderState) => string): Int32Array {
    const words = filter.toLowerCase().split(/\s+/).filter((w) => w !== "");
    // One number says the place of an order, so that ten thousand are sorted at once.
    const places = new Float64Array(this.orders.size);
    let n = 0;
    for (const order of this.orders.values()) {
      if (!all && order.terminal && !(this.openLegs.get(order.orderId) ?? 0)) continue;
      if (words.length > 0) {
        const text = `${order.orderId} ${order.symbol} ${word(order)} ${order.requestId} ${order.orderRef}`.toLowerCase();
        if (!words.every((w) => text.includes(w))) continue;
      }
      const family = order.bracketId ?? order.orderId;
      places[n] = (ID_MAX - family) * FAMILY_MAX + Math.min(order.orderId - family, FAMILY_MAX - 1);
      n += 1;
    }
    return Int32Array.from(places.subarray(0, n).sort(), (place) => ID_MAX - Math.floor(place / FAMILY_MAX) + (place % FAMILY_MAX));
  }
}
