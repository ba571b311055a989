/** The answers of page handlers, and their conversion to responses. */

import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import * as z from 'zod/mini';
import { HTTP_STATUS, type Refusal } from '../../../spec/errors.ts';
import { clip } from '../../../spec/text.ts';
import { isPassingFailure } from '../../base/failures.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { compress } from '../../http/compressed.ts';
import { shown } from '../design/shown.ts';
import { Layout, type Place } from '../parts/layout.tsx';
import type { Receipted } from '../parts/notes.tsx';
import { dropCookie, readCookie, writeCookie } from './cookies.ts';

/** A page, rendered into the frame. */
export interface Page {
  title: string;
  body: Child;
  place?: Place;
  status?: 200 | 400 | 401 | 403 | 404 | 405 | 409 | 413 | 429 | 500 | 503;
  /** How often the browser reads the marked regions of the page again, in seconds. */
  liveSeconds?: number;
}

/** The answer after an order: the page that the browser opens next, and the receipt that it shows there. */
export interface Go {
  to: string;
  receipt?: Receipted;
}

export type Answer = Page | Go | Response;

export function respond(context: Context<AppEnv>, answer: Answer): Response | Promise<Response> {
  if (answer instanceof Response) return answer;
  if ('to' in answer) return go(context, answer);
  const viewer = context.get('auth');
  const receipt = takeReceipt(context);
  const { title, body, place, status = 200 } = answer;
  // The path of a form has no page that the browser could reload.
  const liveSeconds = context.req.method === 'GET' ? answer.liveSeconds : undefined;
  const html = (
    <Layout title={title} place={place} viewer={viewer} receipt={receipt} liveSeconds={liveSeconds}>
      {body}
    </Layout>
  );
  compress(context);
  return context.html(`<!doctype html>${html}`, status);
}

/** Redirects with status 303. The browser then loads the next page with GET, so a reload does not repeat the order. */
export function go(context: Context<AppEnv>, { to, receipt }: Go): Response {
  if (receipt !== undefined) keepReceipt(context, receipt);
  return context.redirect(to, 303);
}

/** Passes the receipt of an order to the next page in a cookie, so that it is shown once after the redirect. */
const LIFE_SECONDS = 60;
/** The maximum length of a text. It is small because a cookie can hold only 4 KB. */
const TEXT_LIMIT = 400;

const receipted = z.object({
  tone: z.enum(['done', 'warning', 'error']),
  text: z.string().check(z.maxLength(TEXT_LIMIT)),
});

export function keepReceipt(context: Context<AppEnv>, { tone, text }: Receipted): void {
  const value = JSON.stringify({ tone, text: clip(text, TEXT_LIMIT) });
  writeCookie(context, 'receipt', { value, seconds: LIFE_SECONDS });
}

/** Reads and removes the receipt. Ignores a cookie that the server did not write. */
export function takeReceipt(context: Context<AppEnv>): Receipted | undefined {
  const value = readCookie(context, 'receipt');
  if (value === undefined) return undefined;
  dropCookie(context, 'receipt');
  try {
    return receipted.safeParse(JSON.parse(value)).data;
  } catch {
    return undefined;
  }
}

/** Renders the errors of page routes as pages that say what happened and where to go next. */
interface Failure {
  status: NonNullable<Page['status']>;
  title: string;
  message: string;
  hint?: string | undefined;
  /** The id under which the log of the server lists the error. */
  requestId?: string;
}

export function errorPage(context: Context<AppEnv>, failure: Failure) {
  const { status, title, message, hint, requestId } = failure;
  const body = (
    <section class="narrow">
      <p class="quiet">{status}</p>
      <h1>{title}</h1>
      <p>{shown(message, 1000)}</p>
      {hint && <p class="quiet">{shown(hint, 500)}</p>}
      {requestId && (
        <p class="quiet">
          Request <code>{requestId}</code>
        </p>
      )}
      <p>
        <a class="button" href="/inbox">
          Go to the inbox
        </a>
      </p>
    </section>
  );
  return respond(context, { title, body, status });
}

export function missingPage(context: Context<AppEnv>) {
  return errorPage(context, {
    status: 404,
    title: 'There is no such page',
    message: 'The address may be mistyped, or the page no longer exists.',
  });
}

/** Shown to members who open the console, which is only for operators. */
export function forbiddenPage(context: Context<AppEnv>) {
  return errorPage(context, {
    status: 403,
    title: 'This page is for operators',
    message: 'Your account is a member of this server and can see only its own work.',
    hint: 'Ask an operator of this server if you need the console.',
  });
}

const TITLES: Partial<Record<Refusal['code'], string>> = {
  not_found: 'Not found',
  too_many_requests: 'Too many requests',
  unavailable: 'The server is busy',
};

/** Shows a refusal for which there is no form to show it. */
export function refusalPage(context: Context<AppEnv>, { code, message, hint }: Refusal) {
  return errorPage(context, {
    status: HTTP_STATUS[code],
    title: TITLES[code] ?? 'That did not work',
    message,
    hint,
  });
}

/** Shows an unexpected error: a bug or an outage of the platform. Only the log contains the message of the error. */
export function unexpectedPage(error: Error, context: Context<AppEnv>) {
  const isPassing = isPassingFailure(error);
  const fields = { message: error.message, stack: isPassing ? undefined : error.stack };
  context.get('deps').log(isPassing ? 'unavailable' : 'internal_error', fields);
  const requestId = context.get('requestId');
  return isPassing
    ? errorPage(context, {
        status: 503,
        title: 'The server is busy',
        message: 'It is restarting, or its database does not answer.',
        hint: 'Reload the page in a moment. Runners continue to work during that time.',
        requestId,
      })
    : errorPage(context, {
        status: 500,
        title: 'Something went wrong on the server',
        message: 'Your order may or may not have been carried out.',
        hint: 'Go back and check. If the error happens again, report the request id.',
        requestId,
      });
}
