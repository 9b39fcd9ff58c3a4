/** What Node and browser have in common. Connect with `ibkr-orders-client/node` or `ibkr-orders-client/web`. */
export { Client } from "./client.js";
export type { Endpoint } from "./client.js";
export type {
  Bracket, BracketOptions, CallOptions, CancelAllOptions, CancelOptions, Change, FollowOptions, HaltOptions, HaltScope, ListFilter, OrderInit,
  OrderReference, PlaceOptions, ReplaceOptions, StopLossInit, TakeProfitInit, TwsOptions, WatchAccountOptions, WatchOptions,
} from "./options.js";
export { GATEWAY_UNAVAILABLE, OrderError, OutcomeUnknown } from "./errors.js";
export type { Violation } from "./errors.js";
export type { Event } from "./policy.js";
export {
  Link_State, OrderState_Status, Order_Action, Order_OcaType, Order_OrderType, Order_SecType, Order_TimeInForce, Replacement_Status, TradingState,
} from "./gen/ibkr/orders/v1/orders_pb.js";
export type {
  AccountValue, CancelAllResponse, Fill, GetAccountResponse, GetLimitsResponse, GetResponse, HaltEntry, HaltResponse, HealthResponse, LimitLeft, Link,
  ListPositionsResponse, Order, OrderState, PlaceBracketResponse, PlaceResponse, Position, PreviewResponse, Replacement, ReplaceResponse, ResumeResponse,
  ValidateResponse, WatchAccountResponse,
} from "./gen/ibkr/orders/v1/orders_pb.js";
