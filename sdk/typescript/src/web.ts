/** Connects from a browser (or anything with fetch), over gRPC-Web, to the gateway's WEB_LISTEN. */
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { authorize, check } from "./addresses.js";
import { Client } from "./client.js";

export * from "./index.js";

export interface WebOptions {
  /** Bearer token, or where to find it at each call. */
  readonly token?: string | (() => string | undefined) | undefined;
}

/** A client of the gateway behind this page's own origin. Calls from other origins are refused by the gateway. */
export function connect(origin: string = globalThis.location?.origin, { token }: WebOptions = {}): Client {
  const baseUrl = check(origin, typeof token === "string");
  const transport = createGrpcWebTransport({ baseUrl, interceptors: token === undefined ? [] : [authorize(token)] });
  return new Client([{ address: baseUrl, calls: transport, watches: transport }]);
}
