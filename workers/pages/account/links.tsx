/**
 * The pages of one-time links: for the first operator, for an invitation, and for a new password. Opening a link changes
 * nothing. Only the form uses the link up.
 */

import type { Context, Hono } from 'hono';
import { HTTP_STATUS, type Refusal } from '../../../spec/errors.ts';
import { signIn } from '../../accounts/sign-in.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { acceptInvitation } from '../../people/invitations.ts';
import { LINK_PAGES } from '../../people/links.ts';
import { resetPassword } from '../../people/password-links.ts';
import { type Redeem, setUp, showLink } from '../../people/redeem.ts';
import type { LinkPurpose } from '../../store/schema.ts';
import { counted } from '../design/words.ts';
import { go, type Page, refusalPage, respond } from '../frame/answer.tsx';
import { readCookie, writeSession } from '../frame/cookies.ts';
import { FORM_BYTES, type FormValues, readForm } from '../frame/form.ts';
import type { Receipted } from '../parts/notes.tsx';
import { attemptOf } from './browser.ts';
import { AccountForm, ResetForm } from './link-forms.tsx';

const WORDS: Readonly<Record<LinkPurpose, { title: string; lead: string; submit: string }>> = {
  setup: {
    title: 'Set up ORP Runner',
    lead: 'You become the first operator of this server. Operators invite other people.',
    submit: 'Make the account',
  },
  invitation: {
    title: 'Join ORP Runner',
    lead: 'You were invited to this server.',
    submit: 'Make the account',
  },
  password: {
    title: 'Choose a new password',
    lead: 'Every browser and terminal of your account is signed out then.',
    submit: 'Set the password',
  },
};

/** A token has 43 characters. Much longer values are not looked up. */
const LONGEST_TOKEN = 200;

export function mountLinkPages(app: Hono<AppEnv>): void {
  for (const purpose of ['setup', 'invitation', 'password'] as const) {
    app.get(LINK_PAGES[purpose], (context) =>
      open(context, { purpose, token: context.req.query('token') ?? '' }),
    );
    app.post(LINK_PAGES[purpose], async (context) => {
      const form = await readForm(context, FORM_BYTES);
      if (!form.ok) return refusalPage(context, form.refusal);
      return purpose === 'password' ? reset(context, form.value) : join(context, purpose, form.value);
    });
  }
}

/** Shows the form, or why the link does not work. */
async function open(
  context: Context<AppEnv>,
  {
    purpose,
    token,
    form,
    refusal,
  }: { purpose: LinkPurpose; token: string; form?: FormValues; refusal?: Refusal },
): Promise<Response> {
  const link = await showLink(context.get('deps'), { token: token.slice(0, LONGEST_TOKEN), purpose });
  if (!link.ok) return refusalPage(context, link.refusal);
  const shared = { ...WORDS[purpose], path: LINK_PAGES[purpose], token, refusal };
  const invited = link.value.email ?? undefined;
  const page: Page = {
    title: WORDS[purpose].title,
    status: refusal === undefined ? 200 : HTTP_STATUS[refusal.code],
    body:
      purpose === 'password' ? (
        <ResetForm {...shared} />
      ) : (
        <AccountForm
          {...shared}
          email={invited ?? form?.line('email')}
          isEmailFixed={invited !== undefined}
          name={form?.line('name')}
        />
      ),
  };
  return respond(context, page);
}

async function join(
  context: Context<AppEnv>,
  purpose: 'setup' | 'invitation',
  form: FormValues,
): Promise<Response> {
  const deps = context.get('deps');
  const { address, source } = attemptOf(context, undefined);
  const [token, password] = [form.text('token').slice(0, LONGEST_TOKEN), form.text('password')];
  const wanted: Redeem = {
    token,
    email: form.line('email') ?? '',
    name: form.line('name') ?? '',
    password,
    address,
    source,
  };
  const made = await (purpose === 'setup' ? setUp(deps, wanted) : acceptInvitation(deps, wanted));
  if (!made.ok) return open(context, { purpose, token, form, refusal: made.refusal });
  const text = `Welcome, ${made.value.name}. Your account exists.`;
  return enter(context, { email: made.value.email, password, receipt: { tone: 'done', text } });
}

async function reset(context: Context<AppEnv>, form: FormValues): Promise<Response> {
  const { address, source } = attemptOf(context, undefined);
  const [token, password] = [form.text('token').slice(0, LONGEST_TOKEN), form.text('password')];
  const done = await resetPassword(context.get('deps'), { token, password, address, source });
  if (!done.ok) return open(context, { purpose: 'password', token, refusal: done.refusal });
  const others = counted(done.value.signedOut, 'device');
  const text = `Your password was set. ${others} signed out. Sign in with the new password.`;
  return go(context, { to: '/login', receipt: { tone: 'done', text } });
}

/** Signs the new person in, unless this server also requires a code. */
async function enter(
  context: Context<AppEnv>,
  { email, password, receipt }: { email: string; password: string; receipt: Receipted },
): Promise<Response> {
  const attempt = { ...attemptOf(context, readCookie(context, 'session')), email, password };
  const signed = await signIn(context.get('deps'), attempt);
  if (!signed.ok || signed.value.kind !== 'token') return go(context, { to: '/login', receipt });
  writeSession(context, signed.value.token);
  return go(context, { to: '/inbox', receipt });
}
