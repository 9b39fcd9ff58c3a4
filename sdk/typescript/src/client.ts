// The client over any transport. `node.ts` and `web.ts` make the transports.
import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import { type Client as Stub, type Transport, createClient } from "@connectrpc/connect";
import {
  AccountService, type CancelAllResponse, type GetAccountResponse, type GetLimitsResponse, type GetResponse, type HaltResponse, type HealthResponse,
  type ListPositionsResponse, type ListRequest, ListRequestSchema, OrderSchema, OrderService, type OrderState, type PlaceBracketResponse,
  type PlaceResponse, type PreviewResponse, type ReplaceResponse, type ResumeResponse, RiskService, StopLossSchema, TakeProfitSchema,
  type ValidateResponse, type WatchAccountResponse, WatchRequestSchema, type WatchResponse,
} from "./gen/ibkr/orders/v1/orders_pb.js";
import { OrderError, orderError } from "./errors.js";
import type {
  Bracket, BracketOptions, CallOptions, CancelAllOptions, CancelOptions, Change, FollowOptions, HaltOptions, HaltScope, ListFilter, OrderInit,
  OrderReference, PlaceOptions, ReplaceOptions, TwsOptions, WatchAccountOptions, WatchOptions,
} from "./options.js";
import { Attempts, Cursor, type Event, Outage } from "./policy.js";

/** A gateway's address with the transports to it: watches have a connection of their own, because a stream that nobody reads would hold up
 * other calls. */
export interface Endpoint {
  readonly address: string;
  readonly calls: Transport;
  readonly watches: Transport;
}

interface Services {
  readonly orders: Stub<typeof OrderService>;
  readonly accounts: Stub<typeof AccountService>;
  readonly risk: Stub<typeof RiskService>;
}
interface Connected {
  readonly address: string;
  readonly calls: Services;
  readonly watches: Services;
}
interface Made {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Calls a gateway, or the first of several that answers. */
export class Client {
  private readonly endpoints: readonly Connected[];
  private at = 0;

  constructor(endpoints: readonly Endpoint[]) {
    if (endpoints.length === 0) throw new RangeError("name at least one gateway");
    const services = (transport: Transport): Services => ({
      orders: createClient(OrderService, transport), accounts: createClient(AccountService, transport), risk: createClient(RiskService, transport),
    });
    this.endpoints = endpoints.map(({ address, calls, watches }) => ({ address, calls: services(calls), watches: services(watches) }));
  }

  /** Whether orders can be placed now, and why not. */
  health({ deadline = 10, timeout = 5, signal }: TwsOptions = {}): Promise<HealthResponse> {
    return this.repeat(new Attempts(deadline, timeout), signal, ({ orders }, made) => orders.health({ timeout: duration(timeout) }, made));
  }

  /** Checks an order; every violation is in `errors`. */
  validate(order: OrderInit, { deadline = 10, transmit = false, signal }: CallOptions & { transmit?: boolean } = {}): Promise<ValidateResponse> {
    const request = { order: create(OrderSchema, order), transmit };
    return this.repeat(new Attempts(deadline, deadline), signal, ({ orders }, made) => orders.validate(request, made));
  }

  /**
   * Places an order, once, and answers with the first thing TWS says about it. An attempt whose answer got lost is repeated under the
   * same request id until `deadline` (default 15).
   *
   * Throws OrderError where the order was refused and nothing was sent, OutcomeUnknown where the time is up and bytes may have left.
   */
  async place(order: OrderInit, options: PlaceOptions = {}): Promise<PlaceResponse> {
    const { deadline = 15, timeout = 5, transmit = false, dryRun = false, signal } = options;
    const requestId = named(options);
    const request = { order: create(OrderSchema, order), transmit, dryRun, requestId, timeout: duration(timeout) };
    return this.repeat(new Attempts(deadline, timeout, requestId), signal, ({ orders }, made) => orders.place(request, made));
  }

  /**
   * Places an entry with a take profit, a stop loss or both, all of them or none, once. Always transmitted. The entry's `orderId` in the answer
   * is the `bracketId` of all three. Request id, deadline and errors are as for `place`.
   */
  async placeBracket({ entry, takeProfit, stopLoss }: Bracket, options: BracketOptions = {}): Promise<PlaceBracketResponse> {
    const { deadline = 15, timeout = 5, dryRun = false, signal } = options;
    const requestId = named(options);
    const request = {
      entry: create(OrderSchema, entry), dryRun, requestId, timeout: duration(timeout),
      ...(takeProfit === undefined ? {} : { takeProfit: create(TakeProfitSchema, takeProfit) }),
      ...(stopLoss === undefined ? {} : { stopLoss: create(StopLossSchema, stopLoss) }),
    };
    return this.repeat(new Attempts(deadline, timeout, requestId), signal, ({ orders }, made) => orders.placeBracket(request, made));
  }

  /**
   * Changes the terms of an order that TWS has. Never makes a new order. `order.replacement` of the answer says what became of it. Request id,
   * deadline and errors are as for `place`: the same id never changes an order twice.
   */
  async replace(order: OrderReference, change: Change, options: ReplaceOptions = {}): Promise<ReplaceResponse> {
    const { deadline = 15, timeout = 5, dryRun = false, expectedRevision, signal } = options;
    const requestId = named(options);
    const revision = expectedRevision === undefined ? {} : { expectedRevision };
    const request = { ...change, ...revision, order: reference(order), dryRun, requestId, timeout: duration(timeout) };
    return this.repeat(new Attempts(deadline, timeout, requestId), signal, ({ orders }, made) => orders.replace(request, made));
  }

  /**
   * What TWS would make of an order, with nothing placed: margins, commission, warnings. IB asks for about one a minute, so an attempt whose
   * answer got lost is not made again.
   */
  preview(order: OrderInit, { deadline = 15, timeout = 5, signal }: TwsOptions = {}): Promise<PreviewResponse> {
    const request = { order: create(OrderSchema, order), timeout: duration(timeout) };
    return this.repeat(new Attempts(deadline, timeout, undefined, false), signal, ({ orders }, made) => orders.preview(request, made));
  }

  /** Releases a staged order. Safe to repeat. */
  async transmit(order: OrderReference, { deadline = 15, timeout = 5, signal }: TwsOptions = {}): Promise<OrderState> {
    const request = { order: reference(order), timeout: duration(timeout) };
    const answer = await this.repeat(new Attempts(deadline, timeout), signal, ({ orders }, made) => orders.transmit(request, made));
    return present(answer.order);
  }

  /** Cancels an order and answers with TWS's verdict, or with the state as it is after `timeout`. Safe to repeat. */
  async cancel(order: OrderReference, { deadline = 15, timeout = 5, withSibling = false, signal }: CancelOptions = {}): Promise<OrderState> {
    const request = { order: reference(order), withSibling, timeout: duration(timeout) };
    const answer = await this.repeat(new Attempts(deadline, timeout), signal, ({ orders }, made) => orders.cancel(request, made));
    return present(answer.order);
  }

  /** One order and all its fills, as stored; of a bracket's entry its exits too, as `legs`. `deadline` is for each page of fills. */
  async get(order: OrderReference, { deadline = 10, signal }: CallOptions = {}): Promise<GetResponse> {
    const page = (pageToken: string): Promise<GetResponse> =>
      this.repeat(new Attempts(deadline, deadline), signal, ({ orders }, made) => orders.get({ order: reference(order), pageToken }, made));
    const whole = await page("");
    while (whole.nextPageToken !== "") {
      const next = await page(whole.nextPageToken);
      whole.fills.push(...next.fills);
      whole.nextPageToken = next.nextPageToken;
    }
    return whole;
  }

  /** Stored orders, newest first, page by page as they are asked for. */
  async *list(filter: ListFilter = {}, { deadline = 10, signal }: CallOptions = {}): AsyncGenerator<OrderState, void, void> {
    const { statuses = [], symbol = "", bracketId = 0, pageSize = 0 } = filter;
    const request: ListRequest = create(ListRequestSchema, { statuses, symbol, bracketId, pageSize });
    for (;;) {
      const page = await this.repeat(new Attempts(deadline, deadline), signal, ({ orders }, made) => orders.list(request, made));
      yield* page.orders;
      if (page.nextPageToken === "") return;
      request.pageToken = page.nextPageToken;
    }
  }

  /** Positions as TWS last said them, of one account or of every one of the login. `stale`: they may be old. */
  listPositions({ account = "", deadline = 10, timeout = 5, signal }: TwsOptions & { account?: string } = {}): Promise<ListPositionsResponse> {
    const request = { account, timeout: duration(timeout) };
    return this.repeat(new Attempts(deadline, timeout), signal, ({ accounts }, made) => accounts.listPositions(request, made));
  }

  /** The values of an account as TWS last said them. Without a name: the gateway's IB_ACCOUNT, else the login's only one. */
  getAccount(account = "", { deadline = 10, timeout = 5, signal }: TwsOptions = {}): Promise<GetAccountResponse> {
    const request = { account, timeout: duration(timeout) };
    return this.repeat(new Attempts(deadline, timeout), signal, ({ accounts }, made) => accounts.getAccount(request, made));
  }

  /** The limits in force, what is left of them, and the halts. */
  limits({ deadline = 10, signal }: CallOptions = {}): Promise<GetLimitsResponse> {
    return this.repeat(new Attempts(deadline, deadline), signal, ({ risk }, made) => risk.getLimits({}, made));
  }

  /** Stops new orders of everybody, of one caller or for one account. Safe to repeat. */
  halt(reason = "", options: HaltOptions = {}): Promise<HaltResponse> {
    const { deadline = 15, timeout = 5, signal, ...asked } = options;
    const request = { reason, ...asked, timeout: duration(timeout) };
    return this.repeat(new Attempts(deadline, timeout), signal, ({ risk }, made) => risk.halt(request, made));
  }

  /** Lifts halts: every one, or those of a caller or for an account. An attempt whose answer got lost is not made again, because it would lift a
   * halt that somebody else made meanwhile. */
  resume({ deadline = 10, signal, ...scope }: CallOptions & HaltScope = {}): Promise<ResumeResponse> {
    return this.repeat(new Attempts(deadline, deadline, undefined, false), signal, ({ risk }, made) => risk.resume(scope, made));
  }

  /** Cancels open orders one by one; exits of positions stay unless `includeProtective`. An attempt whose answer got lost is not made again,
   * because it would cancel what was placed meanwhile. */
  cancelAll(options: CancelAllOptions = {}): Promise<CancelAllResponse> {
    const { deadline = 15, timeout = 5, signal, ...asked } = options;
    const request = { ...asked, timeout: duration(timeout) };
    return this.repeat(new Attempts(deadline, timeout, undefined, false), signal, ({ risk }, made) => risk.cancelAll(request, made));
  }

  /**
   * What happens to one order until it ends, or to every order without end; each event once. A stream that breaks is opened again where it
   * was left. Leaving the loop ends the stream.
   */
  async *watch(options: WatchOptions = {}): AsyncGenerator<Event, void, void> {
    const { orderId = 0, placedAs, withFamily = false, afterSequence = 0n } = options;
    const cursor = new Cursor(afterSequence);
    const open = ({ orders }: Services, times: Times, signal: AbortSignal): AsyncIterable<WatchResponse> =>
      orders.watch(create(WatchRequestSchema, {
        order: reference(placedAs === undefined ? { orderId } : { placedAs }), withFamily, afterSequence: cursor.sequence, ...times,
      }), { signal });
    yield* this.follow(options, open, (response) => cursor.take(response), (error) => cursor.historyChanged(error));
  }

  /**
   * Positions and values of one account or of every one of the login: first all that is known, then what changes, without end. A stream that
   * breaks is opened again and begins with all there is.
   */
  async *watchAccount(options: WatchAccountOptions = {}): AsyncGenerator<WatchAccountResponse, void, void> {
    const { account = "" } = options;
    const open = ({ accounts }: Services, times: Times, signal: AbortSignal): AsyncIterable<WatchAccountResponse> =>
      accounts.watchAccount({ account, ...times }, { signal });
    yield* this.follow(options, open, (response) => response, () => undefined);
  }

  /** A watch across the streams it needs. `take` says what to show for a message; `instead` what to show where the next stream goes on at once
   * after an error. */
  private async *follow<M, E>(
    options: FollowOptions, open: (services: Services, times: Times, signal: AbortSignal) => AsyncIterable<M>, take: (message: M) => E | undefined,
    instead: (error: OrderError) => E | undefined,
  ): AsyncGenerator<E, void, void> {
    const { heartbeat = 1, outageMax = 60, maxWait, signal } = options;
    const outage = new Outage(outageMax);
    const end = maxWait === undefined ? undefined : performance.now() / 1000 + maxWait;
    for (;;) {
      const stop = new AbortController();
      const together = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
      let error: OrderError;
      try {
        outage.begin();
        const left = end === undefined ? {} : { maxWait: duration(Math.max(0, end - performance.now() / 1000)) };
        for await (const message of open(this.current.watches, { pollInterval: duration(heartbeat), ...left }, together)) {
          outage.heard();
          const event = take(message);
          if (event !== undefined) yield event;
        }
        return;
      } catch (failed) {
        if (signal?.aborted) return;
        error = orderError(failed);
      } finally {
        stop.abort();
      }
      const event = instead(error);
      if (event !== undefined) {
        yield event;
        continue;
      }
      await sleep(outage.after(error, this.elsewhere), signal);
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

  private async repeat<T>(attempts: Attempts, signal: AbortSignal | undefined, call: (services: Services, made: Made) => Promise<T>): Promise<T> {
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

/** The times of a watch's request. */
interface Times {
  readonly pollInterval: Duration;
  readonly maxWait?: Duration;
}

/** The request id of a call, shown before the first byte leaves. */
function named({ requestId = crypto.randomUUID(), onRequestId }: Pick<PlaceOptions, "requestId" | "onRequestId">): string {
  onRequestId?.(requestId);
  return requestId;
}

function duration(seconds: number): Duration {
  const whole = Math.floor(seconds);
  return create(DurationSchema, { seconds: BigInt(whole), nanos: Math.round((seconds - whole) * 1e9) });
}

type Named = { case: "orderId"; value: number } | { case: "placedAs"; value: string };

/** The `oneof order` of a request. */
function reference(order: OrderReference): Named {
  return "orderId" in order ? { case: "orderId", value: order.orderId } : { case: "placedAs", value: order.placedAs };
}

function present(order: OrderState | undefined): OrderState {
  if (order === undefined) throw new OrderError("INTERNAL", "the gateway answered without the order");
  return order;
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
