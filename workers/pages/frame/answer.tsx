/** The answers of page handlers, and their conversion to responses. */

import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import type { AppEnv } from '../../http/app-env.ts';
import { compress } from '../../http/compressed.ts';
import { Layout, type Place } from '../parts/layout.tsx';
import type { Receipted } from '../parts/notes.tsx';
import { keepReceipt, takeReceipt } from './receipt.ts';

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
