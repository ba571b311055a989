/** The pages for signing in: first e-mail and password, then a code if this server sends codes. */

import type { Context, Hono } from 'hono';
import { HTTP_STATUS, type Refusal } from '../../../spec/errors.ts';
import { signIn, verifyCode } from '../../accounts/sign-in.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { go, type Page, refusalPage, respond } from '../frame/answer.tsx';
import { readCookie, writeSession } from '../frame/cookies.ts';
import { FORM_BYTES, type FormValues, readForm } from '../frame/form.ts';
import { localPath } from '../frame/local-path.ts';
import { signedInByCookie } from '../frame/page.ts';
import { attemptOf } from './browser.ts';
import { CodeForm, PasswordForm } from './login-forms.tsx';

export function mountLogin(app: Hono<AppEnv>): void {
  app.get('/login', async (context) => {
    const next = localPath(context.req.query('next'), '/inbox');
    if ((await signedInByCookie(context)) !== undefined) return go(context, { to: next });
    return respond(context, passwordPage({ next }));
  });

  app.post('/login', (context) =>
    withForm(context, async (form) => {
      const email = form.line('email') ?? '';
      const next = localPath(form.line('next'), '/inbox');
      const password = form.text('password');
      const attempt = { ...attemptOf(context, readCookie(context, 'session')), email, password };
      const signed = await signIn(context.get('deps'), attempt);
      if (!signed.ok) return respond(context, passwordPage({ next, email, refusal: signed.refusal }));
      if (signed.value.kind === 'code_sent')
        return respond(context, codePage({ next, email, refusal: undefined }));
      return enter(context, signed.value.token, next);
    }),
  );

  app.post('/login/code', (context) =>
    withForm(context, async (form) => {
      const email = form.line('email') ?? '';
      const next = localPath(form.line('next'), '/inbox');
      const code = form.text('code').replace(/\s/g, '');
      const attempt = { ...attemptOf(context, readCookie(context, 'session')), email, code };
      const verified = await verifyCode(context.get('deps'), attempt);
      if (!verified.ok) return respond(context, codePage({ next, email, refusal: verified.refusal }));
      return enter(context, verified.value.token, next);
    }),
  );
}

async function withForm(
  context: Context<AppEnv>,
  act: (form: FormValues) => Promise<Response>,
): Promise<Response> {
  const form = await readForm(context, FORM_BYTES);
  return form.ok ? act(form.value) : refusalPage(context, form.refusal);
}

function enter(context: Context<AppEnv>, token: string, next: string): Response {
  writeSession(context, token);
  return go(context, { to: next });
}

interface Shown {
  next: string;
  email?: string;
  refusal?: Refusal | undefined;
}

function passwordPage(shown: Shown): Page {
  return { title: 'Sign in', body: <PasswordForm {...shown} />, status: statusOf(shown) };
}

function codePage(shown: Shown & { email: string }): Page {
  return { title: 'Sign-in code', body: <CodeForm {...shown} />, status: statusOf(shown) };
}

function statusOf({ refusal }: Shown): NonNullable<Page['status']> {
  return refusal === undefined ? 200 : HTTP_STATUS[refusal.code];
}
