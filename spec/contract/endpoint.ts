/**
 * The contract is a table of rows. The server mounts rows, and `orp` calls rows. A row that is not mounted, or a
 * refusal that no row declares, does not compile or fails a test. Fields that several rows share stand at the end.
 */

import * as z from 'zod/mini';
import type { Access } from '../access.ts';
import type { Capability } from '../capabilities.ts';
import type { COMMON_ERRORS, ErrorCode } from '../errors.ts';
import { isJobKind, type JobKind, kindsWhere, rulesOf } from '../job/kinds.ts';
import { VERDICT_OUTCOMES } from '../job/policy-verdict.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** 64 KiB, enough for every small JSON body. A route that accepts more has its own limit. */
const DEFAULT_BODY_BYTES = 64 * 1024;

export interface Endpoint<
  Path extends string = string,
  Query extends z.ZodMiniType = z.ZodMiniType,
  Body extends z.ZodMiniType = z.ZodMiniType,
  Reply extends z.ZodMiniType = z.ZodMiniType,
  Code extends ErrorCode = ErrorCode,
> {
  /** Name of the operation, a verb phrase in camel case. */
  name: string;
  method: Method;
  /** Path with `:name` parameters, all of them ids. */
  path: Path;
  /** One sentence for people. */
  summary: string;
  /** `user` means that a bearer token is required. */
  auth: 'none' | 'user';
  /** What the token must allow. Ignored without a token. */
  needs: Access;
  /** The schema of the query. Every value is a string, or an array of strings for a repeated key. */
  query?: Query;
  /** Schema of the JSON body. If absent, the route ignores a body. */
  body?: Body;
  /** Largest body in bytes. */
  maxBodyBytes: number;
  /** `json` is one document, `sse` is an event stream, and `ws` is an upgrade. Streams declare no reply document. */
  answers: 'json' | 'sse' | 'ws';
  reply: Reply;
  /** Status of a success. */
  status: 200 | 201;
  /** Refusals besides the common ones. */
  errors: readonly Code[];
  /**
   * True if the route uses the share of people's requests (bounds.ts, `PACE`). False if it uses a share for deliveries of
   * runners (`DELIVERIES`, `SMALL_DELIVERIES`).
   */
  paced: boolean;
  /** True if the same request can be repeated after a lost answer without a second effect. */
  idempotent: boolean;
  /**
   * The extension of the route. Clients call the route only if the server announces the extension. Absent for routes of
   * v0.4.4.
   */
  capability?: Capability;
}

type RowInput<
  P extends string,
  Q extends z.ZodMiniType,
  B extends z.ZodMiniType,
  R extends z.ZodMiniType,
  C extends ErrorCode,
> = Omit<Endpoint<P, Q, B, R, C>, Defaulted> & Partial<Pick<Endpoint<P, Q, B, R, C>, Defaulted>>;

type Defaulted = 'maxBodyBytes' | 'status' | 'answers' | 'auth' | 'needs' | 'paced';

/** Declares one row. Defaults: a token with the scope `owner` is needed, 64 KiB, 200, JSON. */
export function endpoint<
  const P extends string,
  R extends z.ZodMiniType,
  const C extends ErrorCode = never,
  Q extends z.ZodMiniType = z.ZodMiniNever,
  B extends z.ZodMiniType = z.ZodMiniNever,
>(row: RowInput<P, Q, B, R, C>): Endpoint<P, Q, B, R, C> {
  return {
    auth: 'user',
    needs: 'owner',
    maxBodyBytes: DEFAULT_BODY_BYTES,
    status: 200,
    answers: 'json',
    paced: true,
    ...row,
  };
}

/** The `:name` parameters of a path. */
export type PathParams<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? { [K in Name]: string } & PathParams<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? { [K in Name]: string }
    : Record<never, string>;

/** The parsed query, as the server gets it. */
export type QueryOf<Row> = Row extends Endpoint<string, infer Q> ? z.output<Q> : never;
export type BodyOf<Row> = Row extends Endpoint<string, z.ZodMiniType, infer B> ? z.output<B> : never;
/** The query that the client must write. */
export type QueryInput<Row> = Row extends Endpoint<string, infer Q> ? z.input<Q> : never;
export type BodyInput<Row> = Row extends Endpoint<string, z.ZodMiniType, infer B> ? z.input<B> : never;
/** The reply that the server writes. */
export type ReplyInput<Row> =
  Row extends Endpoint<string, z.ZodMiniType, z.ZodMiniType, infer R> ? z.input<R> : never;
export type ReplyOf<Row> =
  Row extends Endpoint<string, z.ZodMiniType, z.ZodMiniType, infer R> ? z.output<R> : never;
export type ParamsOf<Row> = Row extends Endpoint<infer P> ? PathParams<P> : never;
/** The error codes that a handler of the row may return. */
export type ErrorsOf<Row> =
  | (Row extends Endpoint<string, z.ZodMiniType, z.ZodMiniType, z.ZodMiniType, infer C> ? C : never)
  | (typeof COMMON_ERRORS)[number];

/** UTC on the wire: ISO 8601 with `Z` or an offset, fractions allowed. */
export const timestamp = z.iso.datetime({ offset: true });

/** Answers omit absent strings, because the v0.4.4 client would read `null` as the text `None`. */
export const absentable = z.optional(z.string());

/** A string that a client may send as `null` or blank to clear it. An omitted one stays unchanged. */
export const clearable = z.nullish(z.string().check(z.maxLength(4096)));

/** A short line such as a title or a name. */
export const line = z.string().check(z.maxLength(1000));

/** An absolute path on a machine. The server only compares it and never opens it. */
export const projectRootField = z.string().check(z.minLength(1), z.maxLength(4096));

/** A boolean in a query: `1` or `true`. */
export const queryFlag = z.pipe(
  z.optional(z.enum(['1', 'true', '0', 'false'])),
  z.transform((value) => value === '1' || value === 'true'),
);

/** An integer in a query. */
export function queryInteger(min: number, max: number, fallback: number) {
  return z._default(z.coerce.number().check(z.int(), z.minimum(min), z.maximum(max)), fallback);
}

/** A query key that may be repeated. One value arrives as a string, and several values arrive as an array. */
export const repeated = z.optional(
  z.union([
    z.pipe(
      z.string(),
      z.transform((value) => [value]),
    ),
    z.array(z.string()),
  ]),
);

/** The header `Idempotency-Key`, chosen by the sender, without surrounding white space. */
export const idempotencyKey = z
  .string()
  .check(z.trim(), z.regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 visible ASCII characters'));

/** What a policy says about prompts: the outcome and the rule, without the contents of the policy. A newer runner may name other rules. */
export const policyVerdict = z.object({
  outcome: z.enum(VERDICT_OUTCOMES),
  rule: z.optional(z.string().check(z.regex(/^[a-z][a-z_]{0,31}$/, 'must be the name of a rule'))),
});

/** A kind of job from the table of kinds. */
export const jobKind = z.custom<JobKind>(isJobKind, 'must be a kind of job');

/** A kind whose jobs a person may send. */
export const sentKind = z.custom<JobKind>(
  (kind) => isJobKind(kind) && rulesOf(kind)?.composedBy === 'sender',
  { error: () => `must be one of: ${kindsWhere((rules) => rules.composedBy === 'sender').join(', ')}` },
);

/** The name of an agent in the registry of a runner. */
export const agentName = z.string().check(z.regex(/^[a-z][a-z0-9-]{0,63}$/, 'must be the name of an agent'));

/** The names of kinds or agents that a runner announces. Unknown names are kept and match nothing. */
export const announced = z.array(z.string().check(z.minLength(1), z.maxLength(64))).check(z.maxLength(64));

/** A list like `announced` in a URL, separated by commas. */
export const announcedInQuery = z.pipe(
  z.string().check(z.maxLength(512)),
  z.transform((names) => names.split(',').filter((name) => name !== '')),
);

/** Every successful answer has `ok: true`. Refusals have another form. */
export const ok = z.literal(true);
