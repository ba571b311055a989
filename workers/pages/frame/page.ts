/**
 * Mounts pages and forms, with their shared parts: the check of the sign-in, turns, the clock, and the display of
 * refusals.
 */

import type { Context, Hono } from 'hono';
import type { ErrorCode, Refusal, Result } from '../../../spec/errors.ts';
import { pathId } from '../../../spec/ids.ts';
import { authenticate, type SignedIn } from '../../accounts/authenticate.ts';
import { pacers } from '../../accounts/pace.ts';
import type { Deps } from '../../base/deps.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { discardBody } from '../../http/parse.ts';
import { answerWithin, inTurn, leftMs } from '../../http/turns.ts';
import { forbiddenPage, type Go, go, missingPage, type Page, refusalPage, respond } from './answer.tsx';
import { readCookie } from './cookies.ts';
import { FORM_BYTES, type FormValues, readForm } from './form.ts';

export interface PageRequest {
  params: Record<string, string>;
  query: URLSearchParams;
  auth: SignedIn;
  deps: Deps;
  context: Context<AppEnv>;
}

export interface FormRequest extends PageRequest {
  form: FormValues;
}

interface Mounted {
  path: string;
  /** If true, members get the status 403. */
  operatorsOnly?: boolean;
  /** True if the answer is a stream. */
  streams?: boolean;
  /** The maximum size of the form. */
  maxBytes?: number;
}

/** Mounts a page for signed-in people. */
export function showPage(
  app: Hono<AppEnv>,
  mounted: Mounted,
  show: (request: PageRequest) => Promise<Result<Page | Response>>,
): void {
  app.get(mounted.path, (context) =>
    forPerson(context, mounted, async (request) => {
      const shown = await show(request);
      return shown.ok ? respond(context, shown.value) : refusalPage(context, shown.refusal);
    }),
  );
}

/**
 * Mounts a form. The handler does one thing and then redirects the browser. A refusal is shown on the page `back`, unless
 * the handler returns a page that shows it.
 */
export function onForm(
  app: Hono<AppEnv>,
  mounted: Mounted & { back: (request: FormRequest) => string },
  act: (request: FormRequest) => Promise<Result<Go | Page>>,
): void {
  const maxBytes = mounted.maxBytes ?? FORM_BYTES;
  app.post(mounted.path, (context) =>
    forPerson(context, mounted, async (request) => {
      const form = await readForm(context, maxBytes);
      if (!form.ok) return refusalPage(context, form.refusal);
      const whole = { ...request, form: form.value };
      const acted = await act(whole);
      return acted.ok ? respond(context, acted.value) : refused(context, acted.refusal, mounted.back(whole));
    }),
  );
}

/** Shows a refusal. If the record that the form changes was not found, there is no page to return to, so the function shows an error page. */
function refused(context: Context<AppEnv>, refusal: Refusal<ErrorCode>, back: string) {
  if (refusal.code === 'not_found') return refusalPage(context, refusal);
  const text = [refusal.message, refusal.hint].filter(Boolean).join(' ');
  return go(context, { to: back, receipt: { tone: 'error', text } });
}

async function forPerson(
  context: Context<AppEnv>,
  { operatorsOnly = false, streams = false, maxBytes = FORM_BYTES }: Mounted,
  answer: (request: PageRequest) => Promise<Response>,
): Promise<Response> {
  const ms = leftMs(context);
  const auth = await signedInByCookie(context);
  if (auth === undefined) return go(context, { to: signInPath(context) });
  if (operatorsOnly && auth.role !== 'operator') return forbiddenPage(context);
  const params = context.req.param() as Record<string, string>;
  if (Object.values(params).some((id) => !pathId.safeParse(id).success)) return missingPage(context);
  const query = new URL(context.req.url).searchParams;
  const request = { params, query, auth, deps: context.get('deps'), context };
  return inTurn(context, {
    pacer: pacers.requests,
    streams,
    answer: () => answerWithin(context, { work: answer(request), ms, letGo }),
    async refused(refusal) {
      await discardBody(context.req.raw, maxBytes);
      return refusalPage(context, refusal);
    },
  });
}

async function letGo(late: Response): Promise<void> {
  await late.body?.cancel();
}

/** A token is `dvt_` and 43 characters. Much longer values are not looked up. */
const LONGEST_TOKEN = 200;

export async function signedInByCookie(context: Context<AppEnv>): Promise<SignedIn | undefined> {
  const token = readCookie(context, 'session');
  if (!token || token.length > LONGEST_TOKEN) return undefined;
  const auth = await authenticate(context.get('deps'), token, 'pages');
  context.set('auth', auth);
  return auth;
}

/** Returns the path of the sign-in page, which then leads back to the requested page. A form is not sent again. */
function signInPath(context: Context<AppEnv>): string {
  if (context.req.method !== 'GET') return '/login';
  const { pathname, search } = new URL(context.req.url);
  return pathname === '/' ? '/login' : `/login?${new URLSearchParams({ next: pathname + search })}`;
}
