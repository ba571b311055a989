/** Invitations. An operator creates a one-time link, with which a person creates an account of the given role. */

import { BOUNDS } from '../../spec/bounds.ts';
import { accept, type Result, refuse } from '../../spec/errors.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import { newLinkToken, sha256 } from '../accounts/passwords.ts';
import type { Deps } from '../base/deps.ts';
import { iso } from '../base/iso.ts';
import { tokenMark } from '../base/notify.ts';
import { auditOrder } from '../store/audit.ts';
import {
  addLink,
  hasRoomForInvitation,
  type InvitationRow,
  isLink,
  readInvitations,
  revokeInvitation,
} from '../store/one-time-links.ts';
import { checkEmail, type Redeem, redeem } from './redeem.ts';

export const INVITATION_MS = 7 * 24 * 60 * 60_000;

export interface NewInvitation {
  role: 'member' | 'operator';
  /** The e-mail address that may use the invitation. If absent, any address may use it. */
  email?: string | undefined;
  source: string;
}

/** Creates an invitation. Only this answer contains the token. */
export async function invite(
  deps: Deps,
  operator: SignedIn,
  { role, email: given, source }: NewInvitation,
): Promise<Result<{ id: string; token: string; expiresAt: string }, 'invalid_input' | 'limit_reached'>> {
  const email = given === undefined ? accept(null) : checkEmail(given);
  if (!email.ok) return email;
  const token = newLinkToken();
  const hash = await sha256(token);
  const expiresAt = deps.now + INVITATION_MS;
  const link = { hash, purpose: 'invitation', role, email: email.value, userId: null } as const;
  const [added] = await deps.db.batch([
    addLink(
      { ...link, createdBy: operator.id, createdAt: deps.now, expiresAt },
      hasRoomForInvitation(deps.now, BOUNDS.openInvitations),
    ),
    auditOrder(
      {
        at: deps.now,
        userId: operator.id,
        actor: operator.id,
        source,
        action: 'invite',
        subject: tokenMark(hash),
        detail: email.value === null ? role : `${role}, for ${email.value}`,
      },
      isLink(hash),
    ),
  ]);
  if (added?.changes === 0) {
    return refuse(
      'limit_reached',
      `There are ${BOUNDS.openInvitations} open invitations (openInvitations).`,
      'Revoke some with orp admin invitations revoke, or wait until they are used.',
    );
  }
  deps.log('invited', { by: operator.id, role });
  return accept({ id: tokenMark(hash), token, expiresAt: new Date(expiresAt).toISOString() });
}

export const INVITATION_STATES = ['open', 'used', 'revoked', 'expired'] as const;

export async function listInvitations(deps: Deps) {
  const rows = await deps.db.all<InvitationRow>(readInvitations(deps.now));
  return rows.map((row) => ({
    id: tokenMark(row.hash),
    role: row.role,
    email: row.email ?? undefined,
    state: stateOf(row, deps.now),
    createdBy: row.createdBy,
    createdAt: new Date(row.createdAt).toISOString(),
    expiresAt: new Date(row.expiresAt).toISOString(),
    usedAt: iso(row.usedAt),
    usedBy: row.usedBy ?? undefined,
  }));
}

function stateOf(row: InvitationRow, now: number): (typeof INVITATION_STATES)[number] {
  if (row.usedAt !== null) return 'used';
  if (row.revokedAt !== null) return 'revoked';
  return row.expiresAt > now ? 'open' : 'expired';
}

/** Revokes an invitation. If it was already used, revoked or has expired, nothing changes and `changed` is false. */
export async function revoke(
  deps: Deps,
  operator: SignedIn,
  { id, source }: { id: string; source: string },
): Promise<Result<{ changed: boolean }, 'not_found'>> {
  const known = await listInvitations(deps);
  if (!known.some((invitation) => invitation.id === id)) {
    return refuse(
      'not_found',
      `There is no invitation ${id}.`,
      'orp admin invitations lists the invitations.',
    );
  }
  const order = { now: deps.now, actor: operator.id, source };
  return accept({ changed: await revokeInvitation(deps.db, id, order) });
}

/** Creates the account of an invitation, only once. */
export function acceptInvitation(deps: Deps, form: Redeem): ReturnType<typeof redeem> {
  return redeem(deps, 'invitation', form);
}
