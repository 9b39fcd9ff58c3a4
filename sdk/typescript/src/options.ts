// What the client's methods are told.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Order, OrderSchema, OrderState_Status, Order_Action, Order_TimeInForce, StopLoss, StopLossSchema, TakeProfit, TakeProfitSchema,
} from "./gen/ibkr/orders/v1/orders_pb.js";

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

/** A bracket: an entry with a take profit, a stop loss or both. */
export interface Bracket {
  readonly entry: OrderInit;
  readonly takeProfit?: TakeProfitInit;
  readonly stopLoss?: StopLossInit;
}

export type BracketOptions = Omit<PlaceOptions, "transmit">;

/** Other terms for an order; what is absent stays as TWS last showed it. */
export interface Change {
  readonly quantity?: string;
  readonly limitPrice?: string;
  readonly stopPrice?: string;
  readonly trailAmount?: string;
  readonly trailPercent?: string;
  readonly limitOffset?: string;
  readonly tif?: Order_TimeInForce;
}

export interface ReplaceOptions extends BracketOptions {
  /** Leaves an order alone whose `termsRevision` is another: OrderError with reason ORDER_CHANGED. */
  readonly expectedRevision?: number;
}

export interface CancelOptions extends TwsOptions {
  /** Also an exit of a bracket whose other exit works: TWS ends both. */
  readonly withSibling?: boolean;
}

export interface ListFilter {
  readonly statuses?: OrderState_Status[];
  readonly symbol?: string;
  /** Only the orders of the bracket whose entry has this order id. */
  readonly bracketId?: number;
  readonly pageSize?: number;
}

/** Whose orders are halted: everybody's, those of a caller, or those for an account. */
export interface HaltScope {
  readonly caller?: string;
  readonly account?: string;
}

export interface HaltOptions extends TwsOptions, HaltScope {
  /** Cancels what is open too; exits of positions stay unless `includeProtective`. */
  readonly cancelOpen?: boolean;
  readonly includeProtective?: boolean;
}

/** Which open orders to cancel. Each that is given narrows it. */
export interface CancelAllOptions extends TwsOptions {
  readonly account?: string;
  readonly symbol?: string;
  readonly action?: Order_Action;
  /** The exits of positions as well. */
  readonly includeProtective?: boolean;
  /** Orders of the gateway's client id that TWS works and the gateway does not know as well. */
  readonly unknownOrders?: boolean;
}

/** Names an order by its id, or by the request id it was placed under. */
export type OrderReference = { readonly orderId: number } | { readonly placedAs: string };

/** How a watch goes on and ends. */
export interface FollowOptions {
  /** Longest silence before a heartbeat, in seconds. */
  readonly heartbeat?: number;
  /** Seconds without a gateway after which the watch gives up. */
  readonly outageMax?: number;
  /** Seconds to watch at most; then the watch ends with reason MAX_WAIT. */
  readonly maxWait?: number;
  /** Ends the watch. */
  readonly signal?: AbortSignal;
}

export interface WatchOptions extends FollowOptions {
  /** The order; 0 or absent watches every order without end. */
  readonly orderId?: number;
  /** The order by the request id it was placed under. */
  readonly placedAs?: string;
  /** Of an order of a bracket: shows every order of the bracket, until all have ended. */
  readonly withFamily?: boolean;
  /** Resume after this sequence. Default: start with the current state. */
  readonly afterSequence?: bigint;
}

export interface WatchAccountOptions extends FollowOptions {
  /** Only this account. Default: every account of the login. */
  readonly account?: string;
}

/** An order as it is asked for: fields of the schema's message Order. */
export type OrderInit = MessageInitShape<typeof OrderSchema> | Order;
export type TakeProfitInit = MessageInitShape<typeof TakeProfitSchema> | TakeProfit;
export type StopLossInit = MessageInitShape<typeof StopLossSchema> | StopLoss;
