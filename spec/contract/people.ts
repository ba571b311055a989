/** Accounts, invitations and the audit log, for operators. Everybody else gets 403 `forbidden`. */

import * as z from 'zod/mini';
import { changedLimits } from '../bounds.ts';
import { AUDIT_ACTIONS } from '../overview/audit.ts';
import { absentable, endpoint, ok, queryInteger } from './endpoint.ts';

/** The roles of accounts. */
export const ROLES = ['member', 'operator'] as const;

const reason = z.strictObject({ reason: z.nullish(z.string().check(z.maxLength(1000))) });
/** False if the requested state was already set, so nothing changed. */
const changed = z.boolean();

export const makeInvitation = endpoint({
  name: 'makeInvitation',
  method: 'POST',
  path: '/api/admin/invitations',
  summary: 'Make a link with which one person makes an account. It works once, for seven days.',
  body: z.strictObject({
    role: z._default(z.enum(ROLES), 'member'),
    /** The e-mail address that may use the link. If absent, any address may use it. */
    email: z.nullish(z.string().check(z.trim(), z.minLength(3), z.maxLength(254))),
  }),
  needs: 'sign_in',
  reply: z.object({
    ok,
    id: z.string(),
    /** The address of the link. No other answer contains it. */
    url: z.string(),
    role: z.enum(ROLES),
    expiresAt: z.string(),
  }),
  errors: ['forbidden', 'limit_reached'],
  capability: 'people',
  idempotent: false,
});

export const listInvitations = endpoint({
  name: 'listInvitations',
  method: 'GET',
  path: '/api/admin/invitations',
  summary: 'List at most 200 invitations: first the open ones, then those that ended in the last 30 days.',
  reply: z.object({
    ok,
    invitations: z.array(
      z.object({
        id: z.string(),
        role: z.enum(ROLES),
        email: absentable,
        state: z.enum(['open', 'used', 'revoked', 'expired']),
        createdBy: absentable,
        createdAt: z.string(),
        expiresAt: z.string(),
        usedAt: absentable,
        /** The e-mail address of the account that was created with the link. */
        usedBy: absentable,
      }),
    ),
  }),
  errors: ['forbidden'],
  capability: 'people',
  idempotent: true,
});

export const revokeInvitation = endpoint({
  name: 'revokeInvitation',
  method: 'POST',
  path: '/api/admin/invitations/:invitationId/revoke',
  summary: 'End an open invitation.',
  reply: z.object({ ok, changed }),
  errors: ['forbidden', 'not_found'],
  capability: 'people',
  idempotent: true,
});

export const listAccounts = endpoint({
  name: 'listAccounts',
  method: 'GET',
  path: '/api/admin/accounts',
  summary: 'List the accounts in the order of their ids.',
  query: z.object({
    limit: queryInteger(1, 100, 50),
    /** The `nextCursor` of the previous page. */
    cursor: z.optional(z.string().check(z.maxLength(128))),
    /** The id or the e-mail address of one account. */
    account: z.optional(z.string().check(z.trim(), z.minLength(1), z.maxLength(254))),
  }),
  reply: z.object({
    ok,
    accounts: z.array(
      z.object({
        id: z.string(),
        email: z.string(),
        name: z.string(),
        role: z.enum(ROLES),
        createdAt: z.string(),
        disabledAt: absentable,
      }),
    ),
    nextCursor: absentable,
  }),
  errors: ['forbidden'],
  capability: 'people',
  idempotent: true,
});

const shownLimit = z.object({
  name: z.string(),
  /** Absent if the server keeps no count. */
  used: z.optional(z.number()),
  limit: z.number(),
  /** The limit of the deployment. */
  default: z.number(),
  /** True if an operator set the limit of this account. */
  custom: z.boolean(),
});

export const listFullAccounts = endpoint({
  name: 'listFullAccounts',
  method: 'GET',
  path: '/api/admin/limits',
  summary:
    'List the accounts that use 80 % or more of a limit. A page looks at 200 accounts, so it may be empty although more pages follow.',
  query: z.object({
    /** The `nextCursor` of the previous page. */
    cursor: z.optional(z.string().check(z.maxLength(128))),
  }),
  reply: z.object({
    ok,
    accounts: z.array(z.object({ id: z.string(), email: z.string(), limits: z.array(shownLimit) })),
    nextCursor: absentable,
  }),
  errors: ['forbidden'],
  capability: 'people',
  idempotent: true,
});

export const showLimits = endpoint({
  name: 'showLimits',
  method: 'GET',
  path: '/api/admin/accounts/:accountId/limits',
  summary: 'Show what one account uses, and its limits.',
  reply: z.object({ ok, id: z.string(), email: z.string(), limits: z.array(shownLimit) }),
  errors: ['forbidden', 'not_found'],
  capability: 'people',
  idempotent: true,
});

export const changeLimits = endpoint({
  name: 'changeLimits',
  method: 'PATCH',
  path: '/api/admin/accounts/:accountId/limits',
  summary:
    'Change limits of one account. Null restores the limit of the deployment. Omitted limits stay unchanged.',
  body: z.extend(reason, { limits: changedLimits }),
  reply: z.object({ ok, changed }),
  errors: ['forbidden', 'not_found'],
  capability: 'people',
  idempotent: true,
});

export const disableAccount = endpoint({
  name: 'disableAccount',
  method: 'POST',
  path: '/api/admin/accounts/:accountId/disable',
  summary:
    'Disable an account: it cannot sign in, its tokens are refused within 30 s everywhere, and its queued jobs wait.',
  body: reason,
  reply: z.object({ ok, changed }),
  errors: ['forbidden', 'not_found', 'wrong_status'],
  capability: 'people',
  idempotent: true,
});

export const enableAccount = endpoint({
  name: 'enableAccount',
  method: 'POST',
  path: '/api/admin/accounts/:accountId/enable',
  summary: 'Enable a disabled account. The tokens of its devices become valid again.',
  body: reason,
  reply: z.object({ ok, changed }),
  errors: ['forbidden', 'not_found'],
  capability: 'people',
  idempotent: true,
});

export const makePasswordLink = endpoint({
  name: 'makePasswordLink',
  method: 'POST',
  path: '/api/admin/accounts/:accountId/password-link',
  summary:
    'Make a link with which a person sets a new password. It works once, for a day, and signs all their devices out. A newer link replaces it.',
  body: reason,
  needs: 'sign_in',
  reply: z.object({ ok, email: z.string(), url: z.string(), expiresAt: z.string() }),
  errors: ['forbidden', 'not_found'],
  capability: 'people',
  idempotent: false,
});

export const listAudit = endpoint({
  name: 'listAudit',
  method: 'GET',
  path: '/api/admin/audit',
  summary:
    'List who did what, from where, and when, newest first. With an account, the list contains the jobs that it queued.',
  query: z.object({
    limit: queryInteger(1, 100, 50),
    /** The `nextCursor` of the previous page. */
    cursor: z.optional(z.string().check(z.maxLength(1200))),
    /** The id or the e-mail address of one account. */
    account: z.optional(z.string().check(z.trim(), z.minLength(1), z.maxLength(254))),
    /** A page of one action looks at 1,000 entries at most. It may be empty although more pages follow. */
    action: z.optional(z.enum(AUDIT_ACTIONS)),
  }),
  reply: z.object({
    ok,
    entries: z.array(
      z.object({
        at: z.string(),
        action: z.string(),
        account: z.object({ id: z.string(), email: z.string() }),
        /** Who caused the entry. If the e-mail address is absent, the server does not know the person. */
        actor: z.object({ id: z.string(), email: absentable }),
        /** The address and the program, and the made token if there was one. */
        source: z.string(),
        /** A job, a machine, a device, a network, an account or a run. */
        subject: z.string(),
        detail: absentable,
      }),
    ),
    nextCursor: absentable,
  }),
  errors: ['forbidden', 'not_found'],
  capability: 'audit',
  idempotent: true,
});
