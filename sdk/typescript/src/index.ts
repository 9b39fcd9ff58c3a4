/** What Node and browser have in common. Connect with `ibkr-orders-client/node` or `ibkr-orders-client/web`. */
export { Client } from "./client.js";
export type { CallOptions, Endpoint, OrderInit, OrderReference, PlaceOptions, TwsOptions, WatchOptions } from "./client.js";
export { GATEWAY_UNAVAILABLE, OrderError, OutcomeUnknown } from "./errors.js";
export type { Violation } from "./errors.js";
export type { Event } from "./policy.js";
export {
  Link_State, OrderState_Status, Order_Action, Order_OrderType, Order_SecType, Order_TimeInForce,
} from "./gen/ibkr/orders/v1/orders_pb.js";
export type { Fill, GetResponse, HealthResponse, Link, Order, OrderState, PlaceResponse, ValidateResponse } from "./gen/ibkr/orders/v1/orders_pb.js";
