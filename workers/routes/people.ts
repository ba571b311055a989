/** The routes with which operators invite people and disable accounts. */

import type { Context, Hono } from 'hono';
import * as rows from '../../spec/contract/people.ts';
import { accept } from '../../spec/errors.ts';
import { requireOperator } from '../accounts/operators.ts';
import type { AppEnv } from '../http/app-env.ts';
import { mount } from '../http/mount.ts';
import { sourceOf } from '../http/source.ts';
import { readAudit } from '../overview/audit.ts';
import * as accounts from '../people/accounts.ts';
import * as invitations from '../people/invitations.ts';
import * as limits from '../people/limits.ts';
import { linkPath } from '../people/links.ts';
import { makePasswordLink } from '../people/password-links.ts';

export function mountPeople(app: Hono<AppEnv>): void {
  mount(app, rows.listAudit, async ({ query, auth, deps }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    const page = await readAudit(deps, query);
    return page.ok ? accept({ ok: true, ...page.value }) : page;
  });
  mountInvitations(app);
  mountAccounts(app);
  mountLimits(app);
}

function mountInvitations(app: Hono<AppEnv>): void {
  mount(app, rows.makeInvitation, async ({ body, auth, deps, context }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    const { role, email } = body;
    const source = sourceOf(context);
    const made = await invitations.invite(deps, auth, { role, email: email ?? undefined, source });
    if (!made.ok) return made;
    const { id, token, expiresAt } = made.value;
    return accept({ ok: true, id, role, expiresAt, url: urlOf(context, linkPath('invitation', token)) });
  });

  mount(app, rows.listInvitations, async ({ auth, deps }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    return accept({ ok: true, invitations: await invitations.listInvitations(deps) });
  });

  mount(app, rows.revokeInvitation, async ({ params, auth, deps, context }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    const order = { id: params.invitationId, source: sourceOf(context) };
    const revoked = await invitations.revoke(deps, auth, order);
    return revoked.ok ? accept({ ok: true, ...revoked.value }) : revoked;
  });
}

function mountAccounts(app: Hono<AppEnv>): void {
  mount(app, rows.listAccounts, async ({ query, auth, deps }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    return accept({ ok: true, ...(await accounts.listAccounts(deps, query)) });
  });

  mount(app, rows.disableAccount, async ({ params, body, auth, deps, context }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    const done = await accounts.disableAccount(deps, auth, orderOf(context, params, body));
    return done.ok ? accept({ ok: true, ...done.value }) : done;
  });

  mount(app, rows.enableAccount, async ({ params, body, auth, deps, context }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    const done = await accounts.enableAccount(deps, auth, orderOf(context, params, body));
    return done.ok ? accept({ ok: true, ...done.value }) : done;
  });

  mount(app, rows.makePasswordLink, async ({ params, body, auth, deps, context }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    const made = await makePasswordLink(deps, auth, orderOf(context, params, body));
    if (!made.ok) return made;
    const { token, email, expiresAt } = made.value;
    return accept({ ok: true, email, expiresAt, url: urlOf(context, linkPath('password', token)) });
  });
}

function mountLimits(app: Hono<AppEnv>): void {
  mount(app, rows.listFullAccounts, async ({ query, auth, deps }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    return accept({ ok: true, ...(await limits.listFullAccounts(deps, query)) });
  });

  mount(app, rows.showLimits, async ({ params, auth, deps }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    const shown = await limits.showLimits(deps, params.accountId);
    return shown.ok ? accept({ ok: true, ...shown.value }) : shown;
  });

  mount(app, rows.changeLimits, async ({ params, body, auth, deps, context }) => {
    const allowed = requireOperator(auth);
    if (!allowed.ok) return allowed;
    const order = { ...orderOf(context, params, body), changes: body.limits };
    const done = await limits.changeLimits(deps, auth, order);
    return done.ok ? accept({ ok: true, ...done.value }) : done;
  });
}

function orderOf(
  context: Context<AppEnv>,
  { accountId }: { accountId: string },
  { reason }: { reason?: string | null | undefined },
): accounts.AccountOrder {
  return { accountId, reason: reason?.trim() || undefined, source: sourceOf(context) };
}

/** Returns a URL with the origin of this request. */
function urlOf(context: Context<AppEnv>, path: string): string {
  return new URL(path, context.req.url).href;
}
