/**
 * The contract is a table of rows. The server mounts rows, and `orp` calls rows. A row that is not mounted, or a
 * refusal that no row declares, does not compile or fails a test.
 */

import type { z } from 'zod';
import type { COMMON_ERRORS, ErrorCode } from '../errors.ts';
import type { Capability } from './capabilities.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** 64 KiB, enough for every small JSON body. A route that accepts more has its own limit. */
const DEFAULT_BODY_BYTES = 64 * 1024;

export interface Endpoint<
  Path extends string = string,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Reply extends z.ZodType = z.ZodType,
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
  Q extends z.ZodType,
  B extends z.ZodType,
  R extends z.ZodType,
  C extends ErrorCode,
> = Omit<Endpoint<P, Q, B, R, C>, 'maxBodyBytes' | 'status' | 'answers' | 'auth' | 'paced'> &
  Partial<Pick<Endpoint<P, Q, B, R, C>, 'maxBodyBytes' | 'status' | 'answers' | 'auth' | 'paced'>>;

/** Declares one row. Defaults: a token is needed, 64 KiB, 200, JSON. */
export function endpoint<
  const P extends string,
  R extends z.ZodType,
  const C extends ErrorCode = never,
  Q extends z.ZodType = z.ZodNever,
  B extends z.ZodType = z.ZodNever,
>(row: RowInput<P, Q, B, R, C>): Endpoint<P, Q, B, R, C> {
  return {
    auth: 'user',
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
export type BodyOf<Row> = Row extends Endpoint<string, z.ZodType, infer B> ? z.output<B> : never;
/** The query that the client must write. */
export type QueryInput<Row> = Row extends Endpoint<string, infer Q> ? z.input<Q> : never;
export type BodyInput<Row> = Row extends Endpoint<string, z.ZodType, infer B> ? z.input<B> : never;
/** The reply that the server writes. */
export type ReplyInput<Row> =
  Row extends Endpoint<string, z.ZodType, z.ZodType, infer R> ? z.input<R> : never;
export type ReplyOf<Row> = Row extends Endpoint<string, z.ZodType, z.ZodType, infer R> ? z.output<R> : never;
export type ParamsOf<Row> = Row extends Endpoint<infer P> ? PathParams<P> : never;
/** The error codes that a handler of the row may return. */
export type ErrorsOf<Row> =
  | (Row extends Endpoint<string, z.ZodType, z.ZodType, z.ZodType, infer C> ? C : never)
  | (typeof COMMON_ERRORS)[number];
