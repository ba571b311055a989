/** The "People" pages of the console, on which operators invite people and disable accounts. */

import type { Hono } from 'hono';
import { accept, HTTP_STATUS, type Refusal } from '../../../spec/errors.ts';
import type { AppEnv } from '../../http/app-env.ts';
import { sourceOf } from '../../http/source.ts';
import { type AccountOrder, disableAccount, enableAccount, listAccounts } from '../../people/accounts.ts';
import { invite, listInvitations, revoke } from '../../people/invitations.ts';
import { listFullAccounts } from '../../people/limits.ts';
import { linkPath } from '../../people/links.ts';
import { makePasswordLink } from '../../people/password-links.ts';
import { ConsoleHeading } from '../console/console-heading.tsx';
import { PATHS } from '../console/paths.ts';
import type { Page } from '../frame/answer.tsx';
import { type FormRequest, onForm, type PageRequest, showPage } from '../frame/page.ts';
import { auditPage } from './audit-page.tsx';
import { type FreshLink, PeopleBody } from './people-body.tsx';

/** The number of accounts on one page. */
const ROWS = 50;

const back = () => PATHS.people;
const operatorsOnly = true;

export function mountPeople(app: Hono<AppEnv>): void {
  showPage(app, { path: PATHS.people, operatorsOnly }, async (request) => accept(await peoplePage(request)));
  showPage(app, { path: PATHS.audit, operatorsOnly }, auditPage);
  mountInvitations(app);
  mountOrders(app);
}

function mountInvitations(app: Hono<AppEnv>): void {
  onForm(app, { path: `${PATHS.people}/invitations`, operatorsOnly, back }, async (request) => {
    const { form, auth, deps, context } = request;
    const role = form.text('role') === 'operator' ? 'operator' : 'member';
    const email = form.line('email');
    const made = await invite(deps, auth, { role, email, source: sourceOf(context) });
    if (!made.ok) return accept(await peoplePage(request, { refusal: made.refusal }));
    const url = urlOf(request, linkPath('invitation', made.value.token));
    const text = `An invitation for ${email ?? `one ${role}`} was made. It works once, for seven days.`;
    return accept(await peoplePage(request, { fresh: { url, text } }));
  });

  const path = `${PATHS.people}/invitations/:invitationId/revoke`;
  onForm(app, { path, operatorsOnly, back }, async ({ params, auth, deps, context }) => {
    const order = { id: params.invitationId ?? '', source: sourceOf(context) };
    const revoked = await revoke(deps, auth, order);
    if (!revoked.ok) return revoked;
    const text = revoked.value.changed
      ? 'The invitation was revoked.'
      : 'The invitation was used, revoked or expired before.';
    return accept({ to: PATHS.people, receipt: { tone: 'done', text } });
  });
}

function mountOrders(app: Hono<AppEnv>): void {
  onForm(app, { path: `${PATHS.people}/:accountId/disable`, operatorsOnly, back }, async (request) => {
    const done = await disableAccount(request.deps, request.auth, orderOf(request));
    if (!done.ok) return done;
    const text = done.value.changed ? 'The account is disabled.' : 'The account was disabled before.';
    return accept({ to: PATHS.people, receipt: { tone: 'done', text } });
  });

  onForm(app, { path: `${PATHS.people}/:accountId/enable`, operatorsOnly, back }, async (request) => {
    const done = await enableAccount(request.deps, request.auth, orderOf(request));
    if (!done.ok) return done;
    const text = done.value.changed ? 'The account is enabled.' : 'The account was enabled before.';
    return accept({ to: PATHS.people, receipt: { tone: 'done', text } });
  });

  onForm(app, { path: `${PATHS.people}/:accountId/password-link`, operatorsOnly, back }, async (request) => {
    const made = await makePasswordLink(request.deps, request.auth, orderOf(request));
    if (!made.ok) return made;
    const url = urlOf(request, linkPath('password', made.value.token));
    const text = `A link for ${made.value.email} to set a new password was made. It works once, for a day.`;
    return accept(await peoplePage(request, { fresh: { url, text } }));
  });
}

function orderOf({ params, form, context }: FormRequest): AccountOrder {
  const reason = form.line('reason')?.slice(0, 1000);
  return { accountId: params.accountId ?? '', reason, source: sourceOf(context) };
}

/** Returns a URL with the origin of this request. */
function urlOf({ context }: PageRequest, path: string): string {
  return new URL(path, context.req.url).href;
}

async function peoplePage(
  { query, auth, deps }: PageRequest,
  { fresh, refusal }: { fresh?: FreshLink; refusal?: Refusal } = {},
): Promise<Page> {
  const cursor = query.get('cursor')?.slice(0, 128) || undefined;
  const near = query.get('near')?.slice(0, 128) || undefined;
  const [page, invitations, full] = await Promise.all([
    listAccounts(deps, { limit: ROWS, cursor }),
    listInvitations(deps),
    listFullAccounts(deps, { cursor: near }),
  ]);
  return {
    title: 'People',
    place: 'console',
    status: refusal === undefined ? 200 : HTTP_STATUS[refusal.code],
    body: (
      <>
        <ConsoleHeading
          part="people"
          title="People"
          aside="Open an account to see and change its limits, and to sign out its devices."
        />
        <PeopleBody
          accounts={page.accounts}
          next={page.nextCursor}
          invitations={invitations}
          full={full}
          viewerId={auth.id}
          now={deps.now}
          fresh={fresh}
          refusal={refusal}
        />
      </>
    ),
  };
}
