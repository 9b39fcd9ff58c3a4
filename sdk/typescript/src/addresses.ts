// What both kinds of transport need.
import type { Interceptor } from "@connectrpc/connect";

/** Sends a bearer token with each call. */
export function authorize(token: string | (() => string | undefined)): Interceptor {
  return (next) => (request) => {
    const value = typeof token === "string" ? token : token();
    if (value !== undefined && value !== "") request.header.set("authorization", `Bearer ${value}`);
    return next(request);
  };
}

/** Refuses an address that cannot work. */
export function check(address: string, hasToken: boolean): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:") || url.pathname !== "/") {
    throw new RangeError(`${JSON.stringify(address)} is not an address: write http://HOST:PORT or https://HOST:PORT`);
  }
  const loopback = url.hostname === "localhost" || url.hostname === "[::1]" || url.hostname.startsWith("127.");
  if (hasToken && url.protocol === "http:" && !loopback) {
    throw new RangeError("a token goes out over https:// or to loopback only: anybody on the way could read it");
  }
  return url.origin;
}
