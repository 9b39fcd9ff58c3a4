// When a call is made again, where, and when its outcome is not known; where a watch stands. Nothing here talks.
import type { Fill, Link, OrderState, WatchResponse } from "./gen/ibkr/orders/v1/orders_pb.js";
import { GATEWAY_UNAVAILABLE, OrderError, OutcomeUnknown } from "./errors.js";

/** A call's own deadline is this much later than the time it gives the gateway, in seconds: the answer needs to arrive. */
const ANSWER_SECONDS = 2;
/** First and longest pause between two attempts, in seconds. */
const PAUSE_MIN = 0.1;
const PAUSE_MAX = 2;
/** Execution ids that a watch remembers, the oldest forgotten first. */
const EXEC_IDS_MAX = 100_000;
/** Refusals that another moment or another gateway lifts, and that promise that nothing was sent. */
const TRANSIENT = ["SHUTTING_DOWN", "OVERLOADED", "STANDBY"];
/** A watch that ended with one of these goes on after the last sequence seen. */
const RESUMABLE = [GATEWAY_UNAVAILABLE, "SHUTTING_DOWN", "LAGGED", "STANDBY", "STORE", "OVERLOADED", "INTERNAL"];

const now = (): number => performance.now() / 1000;

function pause(attempt: number, error: OrderError): number {
  return Math.min(error.retryAfter ?? PAUSE_MIN * 2 ** Math.min(attempt - 1, 10), PAUSE_MAX);
}

/** Is called with the address of the leader, where a standby named one, when another gateway should be asked. */
export type Elsewhere = (leader: string | undefined) => void;

/** The attempts of one call that may be made again. */
export class Attempts {
  private readonly end: number;
  private made = 0;
  private unknown = false;

  /** `requestId` for a call that makes or changes something, once under this id. `repeatable`: whether the call may be made again although an
   * earlier attempt may have done what it asks for. Times in seconds. */
  constructor(deadline: number, private readonly timeout: number, private readonly requestId?: string, private readonly repeatable = true) {
    if (!(deadline > 0) || !(timeout >= 0)) throw new RangeError("deadline and timeout are seconds: deadline above 0, timeout 0 or more");
    this.end = now() + deadline;
  }

  /** Deadline of the next attempt, in milliseconds: so short that a lost answer leaves time for another. */
  callTimeoutMs(): number {
    this.made += 1;
    return Math.max(1, Math.min(this.end - now(), this.timeout + ANSWER_SECONDS) * 1000);
  }

  /** Seconds to wait before the next attempt. Throws `error` where another cannot help, and OutcomeUnknown where the time is up and bytes
   * may have left. */
  after(error: OrderError, elsewhere: Elsewhere): number {
    const transient = TRANSIENT.includes(error.reason);
    if (!error.outcomeIsKnown) {
      if (!this.repeatable) throw error;
      this.unknown = true;
    }
    // The same for the same request, whenever it arrives: it settles earlier attempts too.
    else if (!transient && !(this.unknown && error.retryAfter !== undefined)) throw error;
    if (!error.fromGateway || transient) elsewhere(error.metadata["leader"]);
    const wait = pause(this.made, error);
    if (this.end - now() <= wait) {
      if (this.unknown && this.requestId !== undefined) throw new OutcomeUnknown(this.requestId, error);
      throw error;
    }
    return wait;
  }
}

/** One event of a watch. `sequence` is a cursor for `afterSequence`. */
export type Event =
  | { readonly kind: "order"; readonly sequence: bigint; readonly order: OrderState }
  | { readonly kind: "fill"; readonly sequence: bigint; readonly fill: Fill }
  | { readonly kind: "link"; readonly sequence: bigint; readonly link: Link }
  /** The current state has been shown. */
  | { readonly kind: "snapshotEnd"; readonly sequence: bigint }
  /** Nothing happened for a while; `connected`: whether the session with TWS is up. */
  | { readonly kind: "heartbeat"; readonly sequence: bigint; readonly connected: boolean }
  /** Another gateway took over, and what was shown after `sequence` may not have happened in its history. */
  | { readonly kind: "historyChanged"; readonly sequence: bigint; readonly lastSeen: bigint }
  /** A kind that this version does not know. */
  | { readonly kind: "unknown"; readonly sequence: bigint };

/** How long a watch goes on without a gateway. */
export class Outage {
  private attempt = 0;
  private heardAt = now();

  constructor(private readonly outageMax: number) {}

  begin(): void {
    this.attempt += 1;
  }

  heard(): void {
    this.attempt = 0;
    this.heardAt = now();
  }

  /** Seconds to wait before the next stream; throws `error` where the watch cannot go on. */
  after(error: OrderError, elsewhere: Elsewhere): number {
    const wait = pause(Math.max(1, this.attempt), error);
    if (!RESUMABLE.includes(error.reason) || now() + wait - this.heardAt > this.outageMax) throw error;
    elsewhere(error.metadata["leader"]);
    return wait;
  }
}

/** Where a watch of orders stands, across the streams it needs. */
export class Cursor {
  private readonly execIds = new Set<string>();

  constructor(public sequence: bigint) {}

  /** The event of a message, or undefined for one that was shown before. */
  take({ sequence, event }: WatchResponse): Event | undefined {
    // Orders and fills have sequences of their own, in rising order, those of the current state included. Other events carry that of the
    // last one delivered.
    if ((event.case === "order" || event.case === "fill") && sequence <= this.sequence) return undefined;
    if (sequence > this.sequence) this.sequence = sequence;
    switch (event.case) {
      case "order":
        return { kind: "order", sequence, order: event.value };
      case "fill":
        if (this.execIds.has(event.value.execId)) return undefined;
        this.execIds.add(event.value.execId);
        if (this.execIds.size > EXEC_IDS_MAX) {
          for (const oldest of this.execIds) {
            this.execIds.delete(oldest);
            break;
          }
        }
        return { kind: "fill", sequence, fill: event.value };
      case "link":
        return { kind: "link", sequence, link: event.value };
      case "snapshotEnd":
        return { kind: "snapshotEnd", sequence };
      case "heartbeat":
        return { kind: "heartbeat", sequence, connected: event.value.connected };
      default:
        return { kind: "unknown", sequence };
    }
  }

  /** Goes on in the history of a gateway that took over; undefined where the cursor belongs to a store that is gone. */
  historyChanged(error: OrderError): Event | undefined {
    const text = error.metadata["resumeAfter"] ?? "";
    if (error.reason !== "SEQUENCE" || !/^\d+$/.test(text)) return undefined;
    const lastSeen = this.sequence;
    this.sequence = BigInt(text);
    return { kind: "historyChanged", sequence: this.sequence, lastSeen };
  }
}
