/** An invitation makes one account of its role, within its time, and only for its address. */

import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  acceptInvitation,
  INVITATION_MS,
  invite,
  listInvitations,
  type NewInvitation,
  revoke,
} from '../../../workers/people/invitations.ts';
import { setUp } from '../../../workers/people/redeem.ts';
import { advance, currentTime, DAY } from '../harness/clock.ts';
import { addInvitations, aForm, removeInvitations } from '../harness/links.ts';
import { aPerson, type Person } from '../harness/people.ts';
import { deps, signedIn } from '../harness/services.ts';

let operator: Person;
beforeAll(async () => {
  operator = await aPerson({ role: 'operator' });
});

async function anInvitation(change: Partial<NewInvitation> = {}) {
  const by = signedIn(operator, 'operator');
  const made = await invite(deps(), by, { role: 'member', source: 'test', ...change });
  if (!made.ok) throw new Error(made.refusal.message);
  return made.value;
}

const stateOf = async (id: string) => (await listInvitations(deps())).find((one) => one.id === id)?.state;

describe('an invitation', () => {
  it('makes an account of its role once, however often and at the same time it is accepted', async () => {
    const { id, token } = await anInvitation({ role: 'operator' });
    expect(JSON.stringify(await listInvitations(deps()))).not.toContain(token);
    const tries = [aForm(token), aForm(token)];
    const made = await Promise.all(tries.map((form) => acceptInvitation(deps(), form)));
    expect(made.filter(({ ok }) => ok)).toMatchObject([{ value: { role: 'operator' } }]);
    expect(await acceptInvitation(deps(), aForm(token))).toMatchObject({ refusal: { code: 'not_found' } });
    expect(await stateOf(id)).toBe('used');
  });

  it('ends after seven days', async () => {
    const { id, token, expiresAt } = await anInvitation();
    expect(Date.parse(expiresAt)).toBe(currentTime() + 7 * DAY);
    advance(INVITATION_MS);
    expect(await acceptInvitation(deps(), aForm(token))).toMatchObject({ refusal: { code: 'not_found' } });
    expect(await stateOf(id)).toBe('expired');
  });

  it('is no link of another purpose', async () => {
    const { token } = await anInvitation({ role: 'operator' });
    expect(await setUp(deps(), aForm(token))).toMatchObject({ refusal: { code: 'not_found' } });
  });

  it('for one address makes an account of no other', async () => {
    const { token } = await anInvitation({ email: 'Mira.New@orp.test' });
    expect(await acceptInvitation(deps(), aForm(token))).toMatchObject({
      refusal: { code: 'invalid_input' },
    });
    const right = await acceptInvitation(deps(), aForm(token, { email: 'mira.new@ORP.test' }));
    expect(right).toMatchObject({ ok: true, value: { email: 'mira.new@orp.test', role: 'member' } });
  });

  it('does not say whose address is taken, and stays open for another address', async () => {
    const { token, id } = await anInvitation();
    const taken = await acceptInvitation(deps(), aForm(token, { email: operator.email }));
    expect(taken).toMatchObject({ refusal: { code: 'record_changed' } });
    expect(JSON.stringify(taken)).not.toMatch(/operator@|exists|usr_/);
    expect(await stateOf(id)).toBe('open');
    expect(await acceptInvitation(deps(), aForm(token))).toMatchObject({ ok: true });
  });

  it('that was revoked makes no account; revoking twice changes nothing', async () => {
    const { id, token } = await anInvitation();
    const by = signedIn(operator, 'operator');
    expect(await revoke(deps(), by, { id, source: 'test' })).toEqual({ ok: true, value: { changed: true } });
    expect(await revoke(deps(), by, { id, source: 'test' })).toEqual({ ok: true, value: { changed: false } });
    expect(await acceptInvitation(deps(), aForm(token))).toMatchObject({ refusal: { code: 'not_found' } });
    for (const unknown of ['', '0', `${id}0`, "' OR 1=1"])
      expect(await revoke(deps(), by, { id: unknown, source: 'test' })).toMatchObject({
        refusal: { code: 'not_found' },
      });
    const audited = await env.DB.prepare(
      'SELECT action, actor FROM audit_log WHERE subject = ? ORDER BY action',
    )
      .bind(id)
      .all();
    expect(audited.results).toEqual([
      { action: 'invite', actor: operator.userId },
      { action: 'revoke_invitation', actor: operator.userId },
    ]);
  });

  it('is stored as a hash, and refused beyond the bound', async () => {
    const { token } = await anInvitation();
    const stored = await env.DB.prepare('SELECT * FROM one_time_links').all();
    expect(JSON.stringify(stored.results)).not.toContain(token);
    await addInvitations();
    const by = signedIn(operator, 'operator');
    const full = await invite(deps(), by, { role: 'member', source: 'test' });
    expect(full).toMatchObject({ ok: false, refusal: { code: 'limit_reached' } });
    await removeInvitations();
    await anInvitation();
  });
});
