// The client over any transport. `node.ts` and `web.ts` make the transports.
import { type DescMessage, type MessageInitShape, type MessageShape, create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import { type Client as Stub, type Transport, createClient } from "@connectrpc/connect";
import {
  type GetResponse, type HealthResponse, type ListRequest, ListRequestSchema, type Order, OrderSchema, OrderService, type OrderState,
  type OrderState_Status, type PlaceResponse, type ValidateResponse, WatchRequestSchema,
} from "./gen/ibkr/orders/v1/orders_pb.js";
import { OrderError, orderError } from "./errors.js";
import { Attempts, Cursor, type Event } from "./policy.js";

/** A gateway's address with the transports to it: watches have a connection of their own, because a stream that nobody reads would hold up
 * other calls. */
export interface Endpoint {
  readonly address: string;
  readonly calls: Transport;
  readonly watches: Transport;
}

/** Times are seconds. `deadline` is for the whole call; `signal` gives it up. */
export interface CallOptions {
  readonly deadline?: number;
  readonly signal?: AbortSignal;
}

/** `timeout`: how long the gateway waits for TWS, in seconds. */
export interface TwsOptions extends CallOptions {
  readonly timeout?: number;
}

export interface PlaceOptions extends TwsOptions {
  /** Sends the order on at once; without it the order is staged in TWS. */
  readonly transmit?: boolean;
  readonly dryRun?: boolean;
  /** Names the request for good: the same id never makes a second order. Default: a new one. */
  readonly requestId?: string;
  /** Is called with the request id before the first byte leaves, so that it can be kept. */
  readonly onRequestId?: (requestId: string) => void;
}

/** Names an order by its id, or by the request id it was placed under. */
export type OrderReference = { readonly orderId: number } | { readonly placedAs: string };

export interface WatchOptions {
  /** The order; 0 or absent watches every order without end. */
  readonly orderId?: number;
  /** The order by the request id it was placed under. */
  readonly placedAs?: string;
  /** Resume after this sequence. Default: start with the current state. */
  readonly afterSequence?: bigint;
  /** Longest silence before a heartbeat, in seconds. */
  readonly heartbeat?: number;
  /** Seconds without a gateway after which the watch gives up. */
  readonly outageMax?: number;
  /** Seconds to watch at most; then the watch ends with reason MAX_WAIT. */
  readonly maxWait?: number;
  /** Ends the watch. */
  readonly signal?: AbortSignal;
}

type Service = Stub<typeof OrderService>;
interface Connected {
  readonly address: string;
  readonly calls: Service;
  readonly watches: Service;
}

/** Calls a gateway, or the first of several that answers. */
export class Client {
  private readonly endpoints: readonly Connected[];
  private at = 0;

  constructor(endpoints: readonly Endpoint[]) {
    if (endpoints.length === 0) throw new RangeError("name at least one gateway");
    this.endpoints = endpoints.map(({ address, calls, watches }) => ({
      address, calls: createClient(OrderService, calls), watches: createClient(OrderService, watches),
    }));
  }

  /** Whether orders can be placed now, and why not. */
  health({ deadline = 10, timeout = 5, signal }: TwsOptions = {}): Promise<HealthResponse> {
    return this.repeat(new Attempts(deadline, timeout), signal, (service, options) =>
      service.health({ timeout: duration(timeout) }, options));
  }

  /** Checks an order; every violation is in `errors`. */
  validate(order: OrderInit, { deadline = 10, transmit = false, signal }: CallOptions & { transmit?: boolean } = {}): Promise<ValidateResponse> {
    const checked = create(OrderSchema, order);
    return this.repeat(new Attempts(deadline, deadline), signal, (service, options) =>
      service.validate({ order: checked, transmit }, options));
  }

  /**
   * Places an order, once, and answers with the first thing TWS says about it. An attempt whose answer got lost is repeated under the
   * same request id until `deadline` (default 15).
   *
   * Throws OrderError where the order was refused and nothing was sent, OutcomeUnknown where the time is up and bytes may have left.
   */
  async place(order: OrderInit, options: PlaceOptions = {}): Promise<PlaceResponse> {
    const { deadline = 15, timeout = 5, transmit = false, dryRun = false, requestId = crypto.randomUUID(), onRequestId, signal } = options;
    onRequestId?.(requestId);
    const request = { order: create(OrderSchema, order), transmit, dryRun, requestId, timeout: duration(timeout) };
    return this.repeat(new Attempts(deadline, timeout, requestId), signal, (service, call) => service.place(request, call));
  }

  /** Releases a staged order. Safe to repeat. */
  async transmit(order: OrderReference, { deadline = 15, timeout = 5, signal }: TwsOptions = {}): Promise<OrderState> {
    const request = { order: reference(order), timeout: duration(timeout) };
    const answer = await this.repeat(new Attempts(deadline, timeout), signal, (service, call) => service.transmit(request, call));
    return present(answer.order);
  }

  /** Cancels an order and answers with TWS's verdict, or with the state as it is after `timeout`. Safe to repeat. */
  async cancel(order: OrderReference, { deadline = 15, timeout = 5, signal }: TwsOptions = {}): Promise<OrderState> {
    const request = { order: reference(order), timeout: duration(timeout) };
    const answer = await this.repeat(new Attempts(deadline, timeout), signal, (service, call) => service.cancel(request, call));
    return present(answer.order);
  }

  /** One order and all its fills, as stored. `deadline` is for each page of fills. */
  async get(order: OrderReference, { deadline = 10, signal }: CallOptions = {}): Promise<GetResponse> {
    const page = (pageToken: string): Promise<GetResponse> =>
      this.repeat(new Attempts(deadline, deadline), signal, (service, call) => service.get({ order: reference(order), pageToken }, call));
    const whole = await page("");
    while (whole.nextPageToken !== "") {
      const next = await page(whole.nextPageToken);
      whole.fills.push(...next.fills);
      whole.nextPageToken = next.nextPageToken;
    }
    return whole;
  }

  /** Stored orders, newest first, page by page as they are asked for. */
  async *list(filter: { statuses?: OrderState_Status[]; symbol?: string; pageSize?: number } = {}, options: CallOptions = {}): AsyncGenerator<OrderState, void, void> {
    const { deadline = 10, signal } = options;
    const request: ListRequest = create(ListRequestSchema, { symbol: filter.symbol ?? "", pageSize: filter.pageSize ?? 0, statuses: filter.statuses ?? [] });
    for (;;) {
      const page = await this.repeat(new Attempts(deadline, deadline), signal, (service, call) => service.list(request, call));
      yield* page.orders;
      if (page.nextPageToken === "") return;
      request.pageToken = page.nextPageToken;
    }
  }

  /**
   * What happens to one order until it ends, or to every order without end; each event once. A stream that breaks is opened again where it
   * was left. Leaving the loop ends the stream.
   */
  async *watch(options: WatchOptions = {}): AsyncGenerator<Event, void, void> {
    const { orderId = 0, placedAs, afterSequence = 0n, heartbeat = 1, outageMax = 60, maxWait, signal } = options;
    const cursor = new Cursor(afterSequence, outageMax);
    const end = maxWait === undefined ? undefined : performance.now() / 1000 + maxWait;
    for (;;) {
      const stop = new AbortController();
      const together = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
      let error: OrderError;
      try {
        cursor.begin();
        const request = create(WatchRequestSchema, {
          order: reference(placedAs === undefined ? { orderId } : { placedAs }), afterSequence: cursor.sequence, pollInterval: duration(heartbeat),
          ...(end === undefined ? {} : { maxWait: duration(Math.max(0, end - performance.now() / 1000)) }),
        });
        for await (const response of this.current.watches.watch(request, { signal: together })) {
          const event = cursor.take(response);
          if (event !== undefined) yield event;
        }
        return;
      } catch (failed) {
        if (signal?.aborted) return;
        error = orderError(failed);
      } finally {
        stop.abort();
      }
      const changed = cursor.historyChanged(error);
      if (changed !== undefined) {
        yield changed;
        continue;
      }
      await sleep(cursor.after(error, this.elsewhere), signal);
      if (signal?.aborted) return;
    }
  }

  private get current(): Connected {
    const current = this.endpoints[this.at];
    if (current === undefined) throw new Error("no endpoint");
    return current;
  }

  /** To the leader that a standby named, where it is one of ours; else to the next. */
  private readonly elsewhere = (leader: string | undefined): void => {
    const named = this.endpoints.findIndex(({ address }) => leader !== undefined && (address === leader || address.endsWith(`://${leader}`)));
    this.at = named >= 0 ? named : (this.at + 1) % this.endpoints.length;
  };

  private async repeat<T>(
    attempts: Attempts, signal: AbortSignal | undefined, call: (service: Service, options: { timeoutMs: number; signal?: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      let error: OrderError;
      try {
        return await call(this.current.calls, { timeoutMs: attempts.callTimeoutMs(), ...(signal === undefined ? {} : { signal }) });
      } catch (failed) {
        error = orderError(failed);
      }
      if (signal?.aborted) throw error;
      await sleep(attempts.after(error, this.elsewhere), signal);
    }
  }
}

/** An order as it is asked for: fields of the schema's message Order. */
export type OrderInit = MessageInitShape<typeof OrderSchema> | Order;

function duration(seconds: number): Duration {
  const whole = Math.floor(seconds);
  return create(DurationSchema, { seconds: BigInt(whole), nanos: Math.round((seconds - whole) * 1e9) });
}

type Named = { case: "orderId"; value: number } | { case: "placedAs"; value: string };

/** The `oneof order` of a request. */
function reference(order: OrderReference): Named {
  return "orderId" in order ? { case: "orderId", value: order.orderId } : { case: "placedAs", value: order.placedAs };
}

function present(order: MessageShape<DescMessage> | undefined): OrderState {
  if (order === undefined) throw new OrderError("INTERNAL", "the gateway answered without the order");
  return order as OrderState;
}

function sleep(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(end, seconds * 1000);
    function end(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      done();
    }
    signal?.addEventListener("abort", end);
  });
}
