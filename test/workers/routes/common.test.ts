/** What every route does alike: who may ask, what may be sent, how a refusal looks. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { ROWS } from '../../../spec/contract/all-endpoints.ts';
import { getMe, revokeToken } from '../../../spec/contract/auth.ts';
import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import { addIdea, listIdeas } from '../../../spec/contract/ideas.ts';
import { DISCARDED_BYTES } from '../../../workers/http/parse.ts';
import { accepts, expectRefusal, pathOf, sendRaw } from '../harness/call.ts';
import { advance, SECOND, takeLog } from '../harness/clock.ts';
import { withFault } from '../harness/d1-meter.ts';
import { aMachine, aPrompt, claim, start } from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';

const rows: readonly Endpoint[] = ROWS;
const guarded = rows.filter((row) => row.auth === 'user');
const withBody = rows.filter((row) => row.body !== undefined);
const withPath = rows.filter((row) => row.path.includes(':'));

describe('a route for signed-in people', () => {
  it.each(guarded)('$name refuses a request without a token', async (row) => {
    const answer = await sendRaw({ method: row.method, path: pathOf(row) });
    expect(expectRefusal(answer, 'unauthenticated').hint).toContain('orp auth login');
  });

  it.each([
    'Bearer dvt_unknown',
    'Bearer ',
    'Bearer',
    'Basic dXNlcjpwYXNz',
    'dvt_unknown',
    `Bearer ${'x'.repeat(5000)}`,
  ])('refuses the authorization %j', async (authorization) => {
    const answer = await sendRaw({
      method: 'GET',
      path: getMe.path,
      headers: { Authorization: authorization },
    });
    expectRefusal(answer, 'unauthenticated');
  });

  it.each(guarded)('$name refuses a revoked token', async (row) => {
    const person = await aPerson();
    await accepts(revokeToken, { as: person });
    expectRefusal(await sendRaw({ method: row.method, path: pathOf(row), as: person }), 'unauthenticated');
  });

  it('forgets within 30 s a token that was revoked elsewhere', async () => {
    const person = await aPerson();
    await accepts(getMe, { as: person });
    await env.DB.prepare('UPDATE device_tokens SET revoked_at = 1 WHERE user_id = ?')
      .bind(person.userId)
      .run();
    advance(31 * SECOND);
    expectRefusal(await sendRaw({ method: 'GET', path: getMe.path, as: person }), 'unauthenticated');
  });
});

describe('a body', () => {
  it.each(withBody)('of $name that is not JSON is refused', async (row) => {
    const as = await aPerson();
    for (const body of ['{"title":', '', '{"a":1}{', '\u0000']) {
      expectRefusal(await sendRaw({ method: row.method, path: pathOf(row), as, body }), 'invalid_json');
    }
  });

  it.each(withBody)('of $name that is no object is refused', async (row) => {
    const as = await aPerson();
    for (const body of ['null', '[]', '"text"', '12']) {
      expectRefusal(await sendRaw({ method: row.method, path: pathOf(row), as, body }), 'invalid_input');
    }
  });

  it.each(withBody)('of $name that says it is too large is refused', async (row) => {
    const as = await aPerson();
    const body = `{"x":"${'x'.repeat(row.maxBodyBytes)}"}`;
    const refusal = expectRefusal(
      await sendRaw({ method: row.method, path: pathOf(row), as, body }),
      'body_too_large',
    );
    expect(refusal.error).toContain(String(row.maxBodyBytes));
  });

  it('that does not say how large it is, is refused while it is read', async () => {
    const as = await aPerson();
    const chunk = new TextEncoder().encode('x'.repeat(64 * 1024));
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += chunk.byteLength;
        if (sent > 64 * DISCARDED_BYTES) controller.close();
        else controller.enqueue(chunk);
      },
    });
    expectRefusal(await sendRaw({ method: 'POST', path: addIdea.path, as, body }), 'body_too_large');
    expect(sent).toBeLessThan(2 * DISCARDED_BYTES);
  });

  it('that is broken UTF-8 is refused', async () => {
    const as = await aPerson();
    const bytes = new Uint8Array([...new TextEncoder().encode('{"title":"'), 0xff, 0xfe, 0x22, 0x7d]);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes);
        controller.close();
      },
    });
    expectRefusal(await sendRaw({ method: 'POST', path: addIdea.path, as, body }), 'invalid_json');
  });

  it('with a wrong field is refused with the name of the field and what to do', async () => {
    const as = await aPerson();
    const answer = await sendRaw({ method: 'POST', path: addIdea.path, as, body: '{"title": 7}' });
    const refusal = expectRefusal(answer, 'invalid_input');
    expect(refusal.error).toContain('title');
    expect(refusal.hint).toContain('title');
  });
});

describe('a path', () => {
  it.each(withPath)('of $name takes ids only', async (row) => {
    const as = await aPerson();
    for (const id of ['a%2Fb', '%2e%2e%2f', 'a%00b', 'x'.repeat(129), '%20', "a'--"]) {
      const path = row.path.replace(/:\w+/, id);
      const refusal = expectRefusal(
        await sendRaw({ method: row.method, path, as, ...(row.body ? { body: '{}' } : {}) }),
        'invalid_input',
      );
      expect(refusal.error).toContain(/:(\w+)/.exec(row.path)?.[1]);
    }
  });

  it('that no route has is refused as JSON', async () => {
    const as = await aPerson();
    for (const path of ['/api/cli/nothing', '/api/cli', '/api/cli/ideas/', '/api/cli/secrets', '/api/x/y']) {
      expectRefusal(await sendRaw({ method: 'GET', path, as }), 'route_not_found');
    }
  });

  it.each(rows)('of $name is refused with another method', async (row) => {
    const taken = new Set(
      rows.filter((other) => overlaps(other.path, row.path)).map((other) => other.method),
    );
    const as = await aPerson();
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      if (taken.has(method as Endpoint['method'])) continue;
      expectRefusal(await sendRaw({ method, path: pathOf(row), as }), 'method_not_allowed');
    }
  });

  it('with a query that is out of range is refused with the name of the key', async () => {
    const as = await aPerson();
    for (const limit of ['0', '-1', '501', '1.5', 'many', '1e9']) {
      const answer = await sendRaw({ method: 'GET', path: `${listIdeas.path}?limit=${limit}`, as });
      expect(expectRefusal(answer, 'invalid_input').error).toContain('limit');
    }
  });
});

/** Returns whether a request to `path` could be meant for `other`. */
function overlaps(other: string, path: string): boolean {
  const left = other.split('/');
  const right = path.split('/');
  return (
    left.length === right.length &&
    left.every(
      (part, index) => part === right[index] || part.startsWith(':') || right[index]?.startsWith(':'),
    )
  );
}

describe('every answer', () => {
  it('has a request id and is never stored by anyone', async () => {
    const as = await aPerson();
    for (const path of [getMe.path, '/api/cli/nothing', listIdeas.path]) {
      const { headers } = await sendRaw({ method: 'GET', path, as });
      expect(headers.get('X-Request-Id')).toMatch(/^req_[0-9a-z]{10,}$/);
      expect(headers.get('Cache-Control')).toBe('no-store');
      expect(headers.get('Content-Type')).toContain('application/json');
    }
  });

  it('has a request id of its own, or the well-formed one of its sender', async () => {
    const as = await aPerson();
    const ids = await Promise.all(
      Array.from({ length: 5 }, async () => (await sendRaw({ method: 'GET', path: getMe.path, as })).headers),
    );
    expect(new Set(ids.map((headers) => headers.get('X-Request-Id'))).size).toBe(5);
    const hostile = await sendRaw({
      method: 'GET',
      path: getMe.path,
      as,
      headers: { 'X-Request-Id': `<script>${'x'.repeat(500)}` },
    });
    expect(hostile.headers.get('X-Request-Id')).not.toContain('<');
  });
});

describe('a platform that fails', () => {
  it('answers internal, and logs the reason with the request id only', async () => {
    const as = await aPerson();
    takeLog();
    const fault = {
      before() {
        throw new Error('D1_ERROR: no such table: secrets_of_the_schema: SQLITE_ERROR');
      },
    };
    const answer = await withFault(fault, () => sendRaw({ method: 'GET', path: getMe.path, as }));
    const refusal = expectRefusal(answer, 'internal');
    expect(answer.text).not.toContain('secrets');
    expect(takeLog()).toContainEqual(expect.objectContaining({ requestId: refusal.requestId }));
  });

  it.each([
    'D1_ERROR: Network connection lost.',
    'D1 DB is overloaded. Requests queued for too long.',
    'Internal error while starting up D1 DB storage caused object to be reset.',
  ])('answers unavailable when the database says %j', async (message) => {
    const as = await aPerson();
    const fault = {
      before() {
        throw new Error(message);
      },
    };
    const answer = await withFault(fault, () => sendRaw({ method: 'GET', path: getMe.path, as }));
    expectRefusal(answer, 'unavailable');
    expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(0);
  });

  it('is logged with the ids that the request names', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const held = await claim(machine);
    takeLog();
    const lost = {
      before(sql: string) {
        if (sql.trimStart().startsWith('UPDATE jobs')) throw new Error('D1_ERROR: Network connection lost.');
      },
    };
    await withFault(lost, () => start(held).catch(() => undefined));
    const { machineId } = machine;
    const { jobId, leaseId } = held;
    expect(takeLog()).toContainEqual(
      expect.objectContaining({ event: 'unavailable', jobId, leaseId, machineId }),
    );

    const broken = {
      before(sql: string) {
        if (sql.trimStart().startsWith('UPDATE jobs')) throw new Error('a bug');
      },
    };
    await withFault(broken, () => start(held).catch(() => undefined));
    expect(takeLog()).toContainEqual(
      expect.objectContaining({ event: 'internal_error', jobId, leaseId, machineId }),
    );
  });
});
