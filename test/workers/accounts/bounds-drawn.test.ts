/** Values drawn at, below and above every bound, and values of hostile shape: what fits is taken, the rest writes nothing. */

import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccountLimit } from '../../../spec/bounds.ts';
import { accountLimits, BOUNDS, utf8Length } from '../../../spec/bounds.ts';
import type { ErrorBody } from '../../../spec/errors.ts';
import type { Probe } from '../harness/bound-probes.ts';
import { LIMIT_PROBES, VALUE_PROBES } from '../harness/bound-probes.ts';
import type { Answer } from '../harness/call.ts';
import { sendRaw } from '../harness/call.ts';
import { currentTime } from '../harness/clock.ts';
import { BODIES, hostileBody } from '../harness/hostile-bodies.ts';
import { limitAccount } from '../harness/limits.ts';
import type { Machine } from '../harness/machines.ts';
import { aMachine, aPrompt } from '../harness/machines.ts';

const TABLES = [
  'ideas',
  'features',
  'worlds',
  'machines',
  'linked_projects',
  'linked_sessions',
  'jobs',
  'attempts',
  'checkpoints',
  'audit_log',
  'account_usage',
];

/** Everything that an account has stored, as one text. */
async function stored({ owner }: Machine): Promise<string> {
  const results = await env.DB.batch(
    TABLES.map((table) => env.DB.prepare(`SELECT * FROM ${table} WHERE user_id = ?`).bind(owner.userId)),
  );
  return JSON.stringify(results.map((result) => result.results));
}

/** A refusal that a person can act on: its status, the bound it names, and a hint. */
function expectRefused(answer: Answer, { statuses, bound }: { statuses: number[]; bound: number }): void {
  const body = JSON.parse(answer.text) as ErrorBody;
  expect(statuses, startOf(answer)).toContain(answer.status);
  expect(body.error).toContain(String(bound));
  expect(body.hint ?? '', startOf(answer)).toMatch(/\.$/);
}

/** Enough of an answer to see what is wrong with it. */
function startOf({ text }: Answer): string {
  return text.slice(0, 300);
}

/** One below, at, or above; mostly near the bound. */
const distances = fc.oneof(fc.constantFrom(-1, 0, 1), fc.integer({ min: -5, max: 5 }));

async function holds(probe: Probe, { at, bound }: { at: number; bound: number }): Promise<void> {
  const machine = await aMachine();
  const send = await probe.prepare(machine, at);
  const before = await stored(machine);
  const answer = await send(at);
  if (at <= bound) expect(answer.status, startOf(answer)).toBeLessThan(300);
  else {
    expectRefused(answer, { statuses: [413], bound });
    expect(await stored(machine)).toBe(before);
  }
}

describe('a value', () => {
  it('has a probe for every bound of the table', () => {
    // The server cuts or leaves out what goes beyond these; it refuses nothing.
    const cut = [
      'pageBytes',
      'errorBytes',
      'shownAttempts',
      'shownEvents',
      'auditEntries',
      'deviceTokens',
      'workspaceEvents',
    ];
    // Tested beside their services, in test/workers/people.
    const elsewhere = [
      'openInvitations',
      'deviceRequests',
      'deviceRequestsOfNetwork',
      'madeTokens',
      'workspaces',
    ];
    expect(Object.keys(VALUE_PROBES).sort()).toEqual(
      ['promptBytes', 'resultBytes', 'chunkBytes', ...Object.keys(BOUNDS)]
        .filter((name) => ![...cut, ...elsewhere].includes(name))
        .sort(),
    );
    expect([...Object.keys(LIMIT_PROBES), 'followStreams', 'keptJobs'].sort()).toEqual(
      Object.keys(accountLimits.shape).sort(),
    );
  });

  it.each(Object.entries(VALUE_PROBES))(
    'of %s is taken up to its bound and refused above it',
    async (_, probe) => {
      await fc.assert(
        fc.asyncProperty(distances, (distance) =>
          holds(probe, { at: probe.bound + distance, bound: probe.bound }),
        ),
        { numRuns: 5, examples: [[-1], [0], [1]] },
      );
    },
  );
});

describe('an account', () => {
  it.each(Object.entries(LIMIT_PROBES))(
    'takes as many %s as it may have, and no more',
    async (name, probe) => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 4 }), distances, async (room, distance) => {
          const machine = await aMachine();
          const { held, add } = await probe(machine);
          const bound = held + room * (name.endsWith('Bytes') ? 500 : 1);
          await limitAccount(machine.owner, { [name as AccountLimit]: bound });
          const wanted = Math.max(0, bound - held + distance);
          const before = await stored(machine);
          const answers = await add(wanted);
          const last = answers.at(-1);
          if (wanted <= bound - held) {
            for (const answer of answers) expect(answer.status, startOf(answer)).toBeLessThan(300);
          } else if (last !== undefined) {
            expectRefused(last, { statuses: [429], bound });
            if (answers.length === 1) expect(await stored(machine)).toBe(before);
          }
        }),
        {
          numRuns: 6,
          examples: [
            [1, -1],
            [2, 0],
            [2, 1],
          ],
        },
      );
    },
  );
});

describe('a body of hostile shape', () => {
  it.each(BODIES)(
    'for $row.name is answered or refused, never a fault of the server',
    async ({ row, path, valid }) => {
      const machine = await aMachine();
      const jobId = await aPrompt(machine);
      const at = new Date(currentTime()).toISOString();
      const target = { ...machine, jobId, at };
      await fc.assert(
        fc.asyncProperty(hostileBody(valid(target)), async (body) => {
          const before = await stored(machine);
          const answer = await sendRaw({ method: row.method, path: path(target), as: machine.owner, body });
          expect(answer.status, `${body.slice(0, 300)} → ${startOf(answer)}`).not.toBe(500);
          if (answer.status < 400) return;
          const refusal = JSON.parse(answer.text) as ErrorBody;
          expect(refusal.error).toMatch(/\.$/);
          expect(utf8Length(answer.text), 'a refusal is short').toBeLessThan(4096);
          expect(await stored(machine)).toBe(before);
        }),
        { numRuns: 40 },
      );
    },
  );
});
