/**
 * Requests that no honest client sends, drawn at random for every row of the contract: hostile ids, queries, bodies and
 * headers. No request is a fault of the server, a refusal changes nothing, and no answer shows the database or a stack.
 */

import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { ROWS } from '../../../spec/contract/all-endpoints.ts';
import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import type { ErrorBody } from '../../../spec/errors.ts';
import { pathOf, type RawCall } from '../harness/call.ts';
import { hostileBody } from '../harness/hostile-bodies.ts';
import { aPerson, type Person } from '../harness/people.ts';
import { ask, mayChange, type Named, REQUESTS, SharedStage } from '../harness/requests.ts';
import { emptyDatabase, snapshot } from '../harness/snapshot.ts';

afterAll(emptyDatabase);

const rows: readonly Endpoint[] = ROWS;
const RUNS = 5;

/** Bodies of the routes that sign in. Nobody has the address, so nothing of an account can change. */
const SIGN_INS: Readonly<Record<string, object>> = {
  deviceLogin: { email: 'nobody@orp.test', password: 'x', deviceName: 'd', device: 'dvt_x' },
  deviceVerify: { email: 'nobody@orp.test', code: '000000', deviceName: 'd' },
  startDevice: { deviceName: 'd' },
  takeDeviceToken: { deviceCode: 'dvc_x' },
};

type Parts = ReturnType<(typeof REQUESTS)[string]>;

function partsOf(row: Endpoint, stage: Named): Parts {
  const body = SIGN_INS[row.name];
  return body === undefined ? (REQUESTS[row.name]?.(stage) ?? {}) : { body };
}

/** Values for ids and queries. */
const hostileText = fc.oneof(
  fc.constantFrom(
    ...["' OR 1=1 --", '"; DROP TABLE jobs; --', '../../etc/passwd', '..%2f..', '%00', '\u0000', '%', '_'],
    ...['-1', '0', '1e309', 'NaN', 'null', 'undefined', '[object Object]', '__proto__', 'constructor'],
    ...['\u202e', '\ud800', '🌊'.repeat(50), 'x'.repeat(5000), '{"a":1}', '<script>', '{{7*7}}', ''],
    ...['9007199254740993', '2026-02-30T00:00:00Z', '+275760-09-13T00:00:00.001Z', '1,2,,3', '\r\nX-Evil: 1'],
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

const hostileHeaders = fc.constantFrom<Record<string, string>>(
  ...[
    {},
    { 'Idempotency-Key': 'x'.repeat(500) },
    { 'Idempotency-Key': 'a b' },
    { 'Last-Event-ID': '9'.repeat(60) },
  ],
  ...[{ 'Content-Type': 'text/plain' }, { 'Content-Length': '-5' }, { 'X-Request-Id': '<script>' }],
  ...[
    { Upgrade: 'websocket' },
    { 'User-Agent': "'; --".repeat(100) },
    { 'cf-connecting-ip': 'not an address' },
  ],
);

/** A request of the row with one hostile part. */
function drawn(row: Endpoint, { params, query, body }: Parts, as: Person | undefined): fc.Arbitrary<RawCall> {
  const plain: RawCall = {
    method: row.method,
    path: pathOf(row, params, query),
    as,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(row.answers === 'ws' ? { headers: { Upgrade: 'websocket' } } : {}),
  };
  const [path = '', search = ''] = plain.path.split('?');
  const withQuery = fc
    .record({ key: fc.constantFrom(...queryKeys(row)), value: hostileText, twice: fc.boolean() })
    .map(({ key, value, twice }) => {
      const changed = new URLSearchParams(search);
      changed[twice ? 'append' : 'set'](key, value);
      return { ...plain, path: `${path}?${changed}` };
    });
  const withId = hostileText.map((value) => {
    const id = encodeURIComponent(value.toWellFormed()) || '%20';
    return { ...plain, path: row.path.replace(/:\w+/, id).replace(/:\w+/g, 'x') };
  });
  const withHeaders = hostileHeaders.map((headers) => ({
    ...plain,
    headers: { ...plain.headers, ...headers },
  }));
  const others = [withQuery, withHeaders, ...(row.path.includes(':') ? [withId] : [])];
  if (body === undefined) return fc.oneof(...others);
  const withBody = hostileBody(Object.keys(body).length === 0 ? { reason: 'r' } : body).map((text) => ({
    ...plain,
    body: text,
  }));
  return fc.oneof(
    { weight: 3, arbitrary: withBody },
    ...others.map((arbitrary) => ({ weight: 1, arbitrary })),
  );
}

function queryKeys(row: Endpoint): [string, ...string[]] {
  const shape = (row.query as { shape?: Record<string, unknown> } | undefined)?.shape ?? {};
  return ['unknown', ...Object.keys(shape)];
}

/**
 * A wrong password is noted in the audit log. A channel of an earlier request closes later. The table of access looks at the
 * refusals of these rows.
 */
function isQuiet({ name, answers }: Endpoint): boolean {
  return answers === 'json' && name !== 'changePassword';
}

/** Words of the database, of a stack and of the code. */
const INSIDE =
  /SQLITE|D1_ERROR|constraint failed|no such (?:table|column)|near "|\bat \S+ \(|\.tsx?:\d+|node_modules/i;

const shared = new SharedStage();

describe('a request that was drawn at random', () => {
  it.each(rows.map((row) => ({ name: row.name, row })))(
    'for $name is never a fault of the server',
    async ({ row }) => {
      const stage = await shared.get();
      const operator = await aPerson({ role: 'operator' });
      const isAdmin = row.path.startsWith('/api/admin/');
      const as = row.auth === 'none' ? undefined : isAdmin ? operator : stage.owner;
      // The rows of operators may name any account.
      const seen = isAdmin ? undefined : stage.owner;
      await fc.assert(
        fc.asyncProperty(drawn(row, partsOf(row, stage), as), async (call) => {
          const before = await snapshot(seen);
          const { code, text } = await ask(call);
          expect(['internal', 'unavailable'], JSON.stringify(call)).not.toContain(code);
          if (code === 'accepted') {
            if (mayChange(row)) shared.spend();
            return;
          }
          expect(text).not.toMatch(INSIDE);
          const { error, requestId } = JSON.parse(text) as ErrorBody;
          expect([typeof error, requestId.startsWith('req_')]).toEqual(['string', true]);
          if (isQuiet(row)) expect(await snapshot(seen), JSON.stringify(call)).toBe(before);
        }),
        { numRuns: RUNS },
      );
    },
  );
});
