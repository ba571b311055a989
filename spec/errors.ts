/**
 * The table of refusals. A code names an outcome and determines the HTTP status. Clients branch only on the code, never on
 * the sentence.
 */

export const ERROR_CODES = [
  'invalid_json',
  'invalid_input',
  'unauthenticated',
  'invalid_credentials',
  'invalid_code',
  'authorization_pending',
  'slow_down',
  'access_denied',
  'expired_token',
  'insufficient_scope',
  'foreign_machine',
  'forbidden',
  'not_found',
  'route_not_found',
  'method_not_allowed',
  'record_changed',
  'lease_lost',
  'wrong_status',
  'idempotency_conflict',
  'body_too_large',
  'too_many_attempts',
  'limit_reached',
  'too_many_requests',
  'internal',
  'unavailable',
] as const;

/** A code of a refusal. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** Status of every code. A new code without a status does not compile. */
export const HTTP_STATUS = {
  /** The body is not JSON at all. */
  invalid_json: 400,
  /** The body, path or query has a field that is missing, of the wrong type or out of range. */
  invalid_input: 400,
  /** The request has no token, or its token is unknown or revoked. */
  unauthenticated: 401,
  /** The e-mail address or the password is wrong. */
  invalid_credentials: 401,
  /** The sign-in code is wrong, used or too old. */
  invalid_code: 401,
  /** A terminal asks for its token before anybody has decided. The four codes of RFC 8628 have its status. */
  authorization_pending: 400,
  /** A person has not decided yet, and the terminal polls too often. */
  slow_down: 400,
  /** A person denied the sign-in of a terminal. */
  access_denied: 400,
  /** The code of a terminal is too old, or was used. */
  expired_token: 400,
  /** The token is valid, but its scope does not allow this. */
  insufficient_scope: 403,
  /** The machine id belongs to another account, or the job is held by another machine. */
  foreign_machine: 403,
  /** The account may not do this: it is for operators. */
  forbidden: 403,
  /** The record does not exist or belongs to another account. The answer does not show which. */
  not_found: 404,
  /** No such route. */
  route_not_found: 404,
  /** The path exists, but not with this method. */
  method_not_allowed: 405,
  /** The record changed since it was read (`updatedAt` differs). */
  record_changed: 409,
  /** The lease does not hold the job, or no longer holds it. */
  lease_lost: 409,
  /** The job's status does not allow this. */
  wrong_status: 409,
  /** The Idempotency-Key was already used with another body. */
  idempotency_conflict: 409,
  /** The body, or a text or list in it, is larger than this route takes. */
  body_too_large: 413,
  /** Too many failed sign-ins from this network. `Retry-After` says when the next attempt is allowed. */
  too_many_attempts: 429,
  /** The account has reached a limit. New work is refused, but results and transcripts are accepted. */
  limit_reached: 429,
  /** The account has used more than its share. `Retry-After` says when to try again. */
  too_many_requests: 429,
  /** A bug of the server. The request id finds it in the log. */
  internal: 500,
  /** The database or an object is overloaded or restarting. The same request may be sent again. */
  unavailable: 503,
} as const satisfies Record<ErrorCode, number>;

/** Codes after which the very same request may succeed later. */
export const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'too_many_attempts',
  'too_many_requests',
  'internal',
  'unavailable',
]);

/** The codes that every route may return. Rows do not list them. */
export const COMMON_ERRORS = [
  'invalid_json',
  'invalid_input',
  'unauthenticated',
  'insufficient_scope',
  'route_not_found',
  'method_not_allowed',
  'body_too_large',
  'too_many_requests',
  'internal',
  'unavailable',
] as const satisfies readonly ErrorCode[];

/** The JSON body of every refusal. */
export interface ErrorBody {
  error: string;
  code: ErrorCode;
  requestId: string;
  hint?: string;
}

/** A refusal before it is sent: what happened, and what to do about it. */
export interface Refusal<Code extends ErrorCode = ErrorCode> {
  code: Code;
  message: string;
  hint?: string;
  /** The value of the header `Retry-After`. If absent, the default of the code applies. */
  retryAfterSeconds?: number;
}

/** An expected outcome: a value, or a refusal with one of the declared codes. */
export type Result<T, Code extends ErrorCode = ErrorCode> =
  | { ok: true; value: T }
  | { ok: false; refusal: Refusal<Code> };

/** Wraps a value as a success. */
export function accept<T>(value: T): { ok: true; value: T } {
  return { ok: true, value };
}

/** Builds a refusal. */
export function refuse<Code extends ErrorCode>(
  code: Code,
  message: string,
  hint?: string,
): { ok: false; refusal: Refusal<Code> } {
  return { ok: false, refusal: hint === undefined ? { code, message } : { code, message, hint } };
}

/** Ends a switch over a union. If a new member has no case, the code does not compile. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${String(value)}`);
}
