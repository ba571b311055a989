/** Tokens that people make for programs: their scopes, their expiry and their bound. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { Scope } from '../../../spec/access.ts';
import { BOUNDS } from '../../../spec/bounds.ts';
import { ROWS } from '../../../spec/contract/all-endpoints.ts';
import { createToken, deviceLogin, getMe, listTokens, revokeTokenById } from '../../../spec/contract/auth.ts';
import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import { listIdeas } from '../../../spec/contract/ideas.ts';
import { enqueueJob, showJob } from '../../../spec/contract/jobs.ts';
import { CLOSE_CODES } from '../../../spec/transport/events.ts';
import { Browser } from '../harness/browser.ts';
import { accepts, expectRefusal, pathOf, refuses, send, sendRaw } from '../harness/call.ts';
import { advance, currentTime, DAY, MINUTE, SECOND } from '../harness/clock.ts';
import { withFault } from '../harness/d1-meter.ts';
import { aMachine, aPrompt } from '../harness/machines.ts';
import { fireCron } from '../harness/objects.ts';
import { hashOf } from '../harness/passwords.ts';
import { aPerson, type Person } from '../harness/people.ts';
import { closeChannels, listenOverWs } from '../harness/streams.ts';

async function make(owner: Person, scope: Scope, expiresInDays?: number): Promise<Person & { id: string }> {
  const body = { name: `for ${scope}`, scope, ...(expiresInDays === undefined ? {} : { expiresInDays }) };
  const { token, id } = await accepts(createToken, { as: owner, body });
  return { ...owner, token, id };
}

const rows: readonly Endpoint[] = ROWS;
const RANK = { read: 0, enqueue: 1, owner: 2, sign_in: 3 };

describe('a made token', () => {
  it.each(['read', 'enqueue', 'owner'] as const)(
    'with the scope %s is refused by every route that needs more',
    async (scope) => {
      const as = await make(await aPerson({ role: 'operator' }), scope);
      const stronger = rows.filter((row) => row.auth === 'user' && RANK[row.needs] > RANK[scope]);
      expect(stronger.length).toBeGreaterThan(0);
      for (const row of stronger) {
        // Without a body: the scope is refused before anything of the request is read.
        const refusal = expectRefusal(
          await sendRaw({ method: row.method, path: pathOf(row), as }),
          'insufficient_scope',
        );
        expect(refusal.hint).toMatch(/orp auth (token create|login)/);
      }
    },
  );

  it('with the scope enqueue sends a job and reads it, and cannot cancel it', async () => {
    const machine = await aMachine();
    const as = await make(machine.owner, 'enqueue');
    const { machineId, projectRoot } = machine;
    const { job } = await accepts(enqueueJob, { as, body: { prompt: 'Count.', machineId, projectRoot } });
    await accepts(showJob, { as, params: { jobId: job.id } });
    const cancel = { method: 'POST', path: `/api/cli/runner/jobs/${job.id}/cancel`, as, body: '{}' };
    expectRefusal(await sendRaw(cancel), 'insufficient_scope');
  });

  it('that is weaker than its operator reads only what the operator owns', async () => {
    const machine = await aMachine();
    const jobId = await aPrompt(machine);
    const operator = await aPerson({ role: 'operator' });
    await accepts(showJob, { as: operator, params: { jobId } });
    const as = await make(operator, 'read');
    await refuses(showJob, 'not_found', { as, params: { jobId } });
    expect((await accepts(getMe, { as })).user.role).toBe('member');
  });

  it('is in no other answer than the first, and says what it may do', async () => {
    const owner = await aPerson();
    const as = await make(owner, 'read', 30);
    const expiresAt = new Date(currentTime() + 30 * DAY).toISOString();
    const { token } = await accepts(getMe, { as });
    expect(token).toEqual({ kind: 'token', scope: 'read', name: 'for read', expiresAt });
    const { tokens } = await accepts(listTokens, { as: owner });
    expect(tokens).toContainEqual(
      expect.objectContaining({ id: as.id, kind: 'token', scope: 'read', expiresAt, isThis: false }),
    );
    expect(JSON.stringify(tokens)).not.toContain(as.token);
    const audit = await env.DB.prepare('SELECT * FROM audit_log WHERE user_id = ?').bind(owner.userId).all();
    expect(audit.results).toContainEqual(
      expect.objectContaining({ action: 'token_made', subject: as.id, detail: 'read: for read' }),
    );
    expect(JSON.stringify(audit.results)).not.toContain(as.token);
  });

  it('is revoked by its owner, and by nobody else', async () => {
    const [owner, stranger] = [await aPerson(), await aPerson()];
    const as = await make(owner, 'owner');
    await refuses(revokeTokenById, 'not_found', { as: stranger, params: { tokenId: as.id } });
    await accepts(getMe, { as });
    await accepts(revokeTokenById, { as: owner, params: { tokenId: as.id } });
    await refuses(getMe, 'unauthenticated', { as });
  });

  it('does not open the pages', async () => {
    const as = await make(await aPerson(), 'owner');
    const browser = new Browser();
    browser.cookies.set('__Host-orp', as.token);
    expect((await browser.get('/settings')).location).toBe('/login?next=%2Fsettings');
  });
});

describe('an expired token', () => {
  it('is refused at once, also where it was trusted a moment ago or the database is silent', async () => {
    const as = await make(await aPerson(), 'read', 1);
    advance(DAY - SECOND);
    await accepts(listIdeas, { as });
    advance(SECOND);
    const silent = {
      before() {
        throw new Error('D1_ERROR: Network connection lost.');
      },
    };
    await withFault(silent, () => refuses(getMe, 'unauthenticated', { as }));
    await refuses(getMe, 'unauthenticated', { as });
  });

  it('holds no channel open for longer than a minute', async () => {
    const machine = await aMachine();
    const as = await make(machine.owner, 'owner', 1);
    advance(DAY - MINUTE);
    const socket = await listenOverWs({ ...machine, owner: as });
    await fireCron();
    advance(MINUTE);
    await fireCron();
    expect((await socket.closed).code).toBe(CLOSE_CODES.unauthorized);
    await closeChannels();
  });
});

describe('the number of made tokens', () => {
  it('is bounded, and sign-ins displace none of them', async () => {
    const owner = await aPerson({ passwordHash: hashOf('open sesame 42') });
    const first = await make(owner, 'read');
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       INSERT INTO device_tokens (hash, user_id, device_name, kind, scope, created_at)
       SELECT hex(randomblob(32)), ?2, 'test', 'token', 'read', ?3 FROM n`,
    )
      .bind(BOUNDS.madeTokens - 1, owner.userId, currentTime())
      .run();
    const refusal = await refuses(createToken, 'limit_reached', {
      as: owner,
      body: { name: 'one more', scope: 'read' },
    });
    expect(refusal.error).toContain('madeTokens');
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
       INSERT INTO device_tokens (hash, user_id, device_name, created_at)
       SELECT hex(randomblob(32)), ?2, 'test', ?3 FROM n`,
    )
      .bind(BOUNDS.deviceTokens, owner.userId, currentTime())
      .run();
    await send(deviceLogin, { body: { email: owner.email, password: 'open sesame 42' } });
    await accepts(getMe, { as: first });
  });
});
