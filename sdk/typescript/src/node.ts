/** Connects from Node, over gRPC. */
import { readFileSync } from "node:fs";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { authorize, check } from "./addresses.js";
import { Client } from "./client.js";

export * from "./index.js";

export interface NodeOptions {
  /** Bearer token. */
  readonly token?: string | undefined;
  /** PEM file of the authorities that sign the gateway's certificate. Default: Node's. */
  readonly caFile?: string | undefined;
  /** PEM files of our own certificate and key, for mutual TLS. */
  readonly clientCertFile?: string | undefined;
  readonly clientKeyFile?: string | undefined;
  /** Name to expect in the gateway's certificate. */
  readonly serverName?: string | undefined;
}

/** A client of one gateway or of several: http://HOST:PORT or https://HOST:PORT. */
export function connect(addresses: string | readonly string[] = "http://127.0.0.1:50051", options: NodeOptions = {}): Client {
  const { token, caFile, clientCertFile, clientKeyFile, serverName } = options;
  const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path));
  const nodeOptions = { ca: read(caFile), cert: read(clientCertFile), key: read(clientKeyFile), ...(serverName ? { servername: serverName } : {}) };
  const list = typeof addresses === "string" ? [addresses] : addresses;
  return new Client(list.map((address) => {
    const baseUrl = check(address, token !== undefined);
    const transport = () => createGrpcTransport({
      baseUrl, nodeOptions, interceptors: token === undefined ? [] : [authorize(token)], pingIntervalMs: 30_000, idleConnectionTimeoutMs: 60_000,
    });
    return { address: baseUrl, calls: transport(), watches: transport() };
  }));
}

/** As the environment says: ORDERS_SERVER (several with commas), ORDERS_TOKEN, ORDERS_SERVER_CA, ORDERS_SERVER_NAME, ORDERS_CLIENT_CERT,
 * ORDERS_CLIENT_KEY. */
export function connectFromEnvironment(environment: NodeJS.ProcessEnv = process.env): Client {
  const servers = (environment["ORDERS_SERVER"] ?? "").split(",").map((part) => part.trim()).filter((part) => part !== "");
  return connect(servers.length > 0 ? servers : undefined, {
    token: environment["ORDERS_TOKEN"],
    caFile: environment["ORDERS_SERVER_CA"],
    clientCertFile: environment["ORDERS_CLIENT_CERT"],
    clientKeyFile: environment["ORDERS_CLIENT_KEY"],
    serverName: environment["ORDERS_SERVER_NAME"],
  });
}
