/** Every answer below /api/ says what the server offers beyond v0.4.4; a client takes one without it for a v0.4.4 server. */

import { afterEach, describe, expect, it } from 'vitest';
import {
  CAPABILITIES,
  CAPABILITIES_HEADER,
  OLDEST_CLIENT,
  readCapabilities,
  VERSIONS_HEADER,
} from '../../../spec/capabilities.ts';
import { ROWS } from '../../../spec/contract/all-endpoints.ts';
import { listJobs } from '../../../spec/contract/jobs.ts';
import type { Answer } from '../harness/call.ts';
import { send, sendRaw } from '../harness/call.ts';
import { withFault } from '../harness/d1-meter.ts';
import { aMachine } from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';
import { closeChannels, openStream } from '../harness/streams.ts';

afterEach(closeChannels);

function announcedIn({ headers }: Pick<Answer, 'headers'>): string[] {
  return [...(readCapabilities(headers.get(CAPABILITIES_HEADER)) ?? [])];
}

const OFFERED: string[] = [...CAPABILITIES];

describe('the header orp-capabilities', () => {
  it('is on a success', async () => {
    const answer = await send(listJobs, { as: await aPerson(), query: {} });
    expect(announcedIn(answer)).toEqual(OFFERED);
    expect(answer.headers.get(VERSIONS_HEADER)).toBe(`oldest=${OLDEST_CLIENT}`);
  });

  it.each([
    ['without a token', 401, { method: 'GET', path: '/api/cli/runner/jobs' }],
    ['of an unknown route', 404, { method: 'GET', path: '/api/cli/nothing' }],
    ['of another method', 405, { method: 'DELETE', path: '/api/cli/runner/jobs' }],
    ['of a body that is not JSON', 400, { method: 'POST', path: '/api/auth/device-login', body: '{' }],
  ])('is on a refusal %s', async (_, status, call) => {
    const answer = await sendRaw(call);
    expect({ status: answer.status, offered: announcedIn(answer) }).toEqual({ status, offered: OFFERED });
  });

  it('is on the answer when the database is away', async () => {
    const person = await aPerson();
    const fault = {
      before: () => {
        throw new Error('D1_ERROR: Network connection lost.');
      },
    };
    const answer = await withFault(fault, () => send(listJobs, { as: person, query: {} }));
    expect({ status: answer.status, offered: announcedIn(answer) }).toEqual({
      status: 503,
      offered: OFFERED,
    });
  });

  it('is on an event stream', async () => {
    const stream = await openStream(await aMachine());
    expect(announcedIn(stream.response)).toEqual(OFFERED);
  });

  it('names every extension that a row of the contract belongs to', () => {
    const needed = ROWS.flatMap((row) => ('capability' in row ? [row.capability] : []));
    expect(needed.filter((name) => !OFFERED.includes(name))).toEqual([]);
  });
});
