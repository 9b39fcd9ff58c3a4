// Why a call failed, as types.
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, PreconditionFailureSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";

/** Made here, never by a gateway: nobody answered, or a proxy or library answered in its place. */
export const GATEWAY_UNAVAILABLE = "GATEWAY_UNAVAILABLE";
// Domains of the gateway's ErrorInfo: a status without one was made by a proxy or a library, and promises nothing.
const DOMAIN = "ibkr.orders.v1";
const UNKNOWN_OUTCOME = [
  Code.Unavailable, Code.DeadlineExceeded, Code.Internal, Code.Unknown, Code.Canceled, Code.Aborted, Code.ResourceExhausted,
];

/** One thing that is wrong with an order, or one rule that it breaks. */
export interface Violation {
  readonly field: string;
  readonly description: string;
}

/** What an OrderError is made of. */
export interface OrderErrorParts {
  readonly violations?: readonly Violation[];
  /** Seconds, where a retry makes sense. */
  readonly retryAfter?: number | undefined;
  readonly twsCode?: number | undefined;
  readonly twsText?: string | undefined;
  readonly code?: Code;
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The gateway refused the call, or nobody answered it. `reason` is a stable word that the schema documents for each call
 * (ORDER_INVALID, TWS_UNAVAILABLE, ORDER_STATE …), or GATEWAY_UNAVAILABLE where no gateway answered.
 */
export class OrderError extends Error {
  override readonly name = "OrderError";
  readonly violations: readonly Violation[];
  readonly retryAfter: number | undefined;
  readonly twsCode: number | undefined;
  readonly twsText: string | undefined;
  readonly code: Code | undefined;
  readonly metadata: Readonly<Record<string, string>>;

  constructor(readonly reason: string, readonly said: string, parts: OrderErrorParts = {}) {
    const violations = parts.violations ?? [];
    const details = violations.map((v) => `${v.field}: ${v.description}`).join("; ");
    super(`${reason}: ${said}${details ? ` (${details})` : ""}`);
    this.violations = violations;
    this.retryAfter = parts.retryAfter;
    this.twsCode = parts.twsCode;
    this.twsText = parts.twsText;
    this.code = parts.code;
    this.metadata = parts.metadata ?? {};
  }

  /** Whether a gateway said so. */
  get fromGateway(): boolean {
    return this.reason !== GATEWAY_UNAVAILABLE;
  }

  /** Whether it is certain that the call changed nothing. */
  get outcomeIsKnown(): boolean {
    return this.fromGateway && this.reason !== "INTERNAL";
  }
}

/**
 * Whether there is an order is not known: bytes may have left, and no answer came before the deadline. Place the same order again under
 * the same `requestId` (it never makes a second one), or look with `get({ placedAs: error.requestId })`.
 */
export class OutcomeUnknown extends Error {
  override readonly name = "OutcomeUnknown";

  constructor(readonly requestId: string, readonly last?: OrderError) {
    super(
      `the outcome of request ${requestId} is not known: place the same order again under this request id, or get it by placedAs` +
        (last ? `; the last attempt said ${last.message}` : ""),
    );
  }
}

/** What a failed call says. */
export function orderError(failed: unknown): OrderError {
  const error = ConnectError.from(failed);
  const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === DOMAIN);
  if (info === undefined) {
    return UNKNOWN_OUTCOME.includes(error.code)
      ? new OrderError(GATEWAY_UNAVAILABLE, `no gateway answered (${Code[error.code]}: ${error.rawMessage})`, { code: error.code })
      : new OrderError(word(error.code), error.rawMessage, { code: error.code });
  }
  const violations = [
    ...error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) =>
      fieldViolations.map(({ field, description }) => ({ field, description }))),
    ...error.findDetails(PreconditionFailureSchema).flatMap((failure) =>
      failure.violations.map(({ type, subject, description }) => ({ field: `${type} ${subject}`.trim(), description }))),
  ];
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const twsCode = Number.parseInt(info.metadata["twsCode"] ?? "", 10);
  return new OrderError(info.reason, error.rawMessage, {
    violations,
    retryAfter: delay && Number(delay.seconds) + delay.nanos / 1e9,
    twsCode: Number.isNaN(twsCode) ? undefined : twsCode,
    twsText: info.metadata["twsText"],
    code: error.code,
    metadata: info.metadata,
  });
}

/** A code as the gRPC documents write it: Unauthenticated → UNAUTHENTICATED. */
function word(code: Code): string {
  return Code[code].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
