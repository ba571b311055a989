/** Answers for unknown routes and unexpected errors. */

import type { Context } from 'hono';
import { ROWS } from '../../spec/contract/all-endpoints.ts';
import { type ErrorBody, HTTP_STATUS, type Refusal, refuse } from '../../spec/errors.ts';
import { isPassingFailure } from '../base/failures.ts';
import type { AppEnv } from './app-env.ts';

/** Answers unknown routes with JSON: 405 if the path has another method, otherwise 404. */
export function noRoute(context: Context<AppEnv>): Response {
  const allowed = methodsOf(context.req.path);
  const { refusal } =
    allowed.length > 0
      ? refuse(
          'method_not_allowed',
          `${context.req.method} is not allowed here.`,
          `Use ${allowed.join(' or ')}.`,
        )
      : refuse(
          'route_not_found',
          'There is no such route.',
          'Check the path. docs/protocol.md lists the routes.',
        );
  if (allowed.length > 0) context.header('Allow', allowed.join(', '));
  return refusalResponse(context, refusal);
}

/** Answers after a bug or a failure of the platform. The error message goes only to the log. */
export function unexpected(error: Error, context: Context<AppEnv>): Response {
  const isPassing = isPassingFailure(error);
  const about = context.get('about') ?? {};
  const fields = { ...about, message: error.message, stack: isPassing ? undefined : error.stack };
  context.get('deps').log(isPassing ? 'unavailable' : 'internal_error', fields);
  const { refusal } = isPassing
    ? refuse('unavailable', 'The server is busy or restarting.', 'Send the same request again in a moment.')
    : refuse(
        'internal',
        'Something went wrong on the server.',
        'Try again. If it happens again, report the request id.',
      );
  const response = refusalResponse(context, refusal);
  response.headers.set('X-Request-Id', context.get('requestId'));
  return response;
}

/** Returns the methods of a path. */
function methodsOf(path: string): string[] {
  return ROWS.filter((row) => new RegExp(`^${row.path.replace(/:\w+/g, '[^/]+')}$`).test(path)).map(
    (row) => row.method,
  );
}

/** The seconds that a client should wait before it tries again. */
const RETRY_AFTER: Partial<Record<Refusal['code'], string>> = { unavailable: '2' };

export function refusalResponse(context: Context<AppEnv>, refusal: Refusal): Response {
  const body: ErrorBody = { error: refusal.message, code: refusal.code, requestId: context.get('requestId') };
  if (refusal.hint !== undefined) body.hint = refusal.hint;
  const wait = refusal.retryAfterSeconds?.toString() ?? RETRY_AFTER[refusal.code];
  if (wait !== undefined) context.header('Retry-After', wait);
  return context.json(body, HTTP_STATUS[refusal.code]);
}
