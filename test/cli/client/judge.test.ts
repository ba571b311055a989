/** Whose answer it is: what may acknowledge a result, and what a server proves of itself. */

import { describe, expect, it } from 'vitest';
import { findOffer, send } from '../../../cli/client/call.ts';
import type { Client } from '../../../cli/client/client.ts';
import { NO_RETRY } from '../../../cli/client/retry.ts';
import { CAPABILITIES_HEADER, readCapabilities } from '../../../spec/capabilities.ts';
import { addLogs, completeJob, heartbeat, pollJob, startJob } from '../../../spec/contract/runner.ts';
import { newestServer, serverThatOffers } from '../../support/known-server.ts';
import { type Answer, type Asked, RecordingServer } from '../recording-server.ts';

const FENCE = { machineId: 'mach-1', leaseId: 'lea_1' };
const DONE = { ok: true, job: { id: 'job_1', status: 'completed' } };
const ANNOUNCED = { [CAPABILITIES_HEADER]: 'jobs, chunks' };
const ME = { ok: true, user: { id: 'usr_1', email: 'mira@example.test', name: 'Mira' } };

function clientOf(baseUrl: string, server: Client['server']): Client {
  return {
    baseUrl,
    token: 'dvt_1',
    headers: {},
    timeoutMs: 5000,
    retry: NO_RETRY,
    server,
    sleep: async () => undefined,
    random: () => 0,
  };
}

function complete(client: Client) {
  const body = { ...FENCE, success: true, summary: null, content: 'The answer.', error: null };
  return send(client, completeJob, { params: { jobId: 'job_1' }, body });
}

/** The way to the server answers `answer`; whoever asks who it is gets `me`. */
function onTheWay(answer: Answer, me: Answer) {
  return ({ path }: Asked) => (path === '/api/cli/me' ? me : answer);
}

describe('a result', () => {
  it.each<[string, Answer]>([
    ['a web page', { body: '<html>Welcome</html>' }],
    ['an empty answer', {}],
    ['an empty object', { body: {} }],
    ['a bare ok', { body: { ok: true } }],
    ['a job without an id', { body: { ok: true, job: {} } }],
    ['another job', { body: { ok: true, job: { id: 'job_2', status: 'completed' } }, headers: ANNOUNCED }],
    ['a list', { body: [DONE] }],
    ['a refusal with a green status', { body: { error: 'x', code: 'lease_lost', requestId: 'req_1' } }],
  ])('is not acknowledged by %s where the server announces more', async (_, answer) => {
    await using server = await RecordingServer.start(onTheWay(answer, { body: ME, headers: ANNOUNCED }));
    const client = clientOf(server.url, newestServer());
    await expect(complete(client)).rejects.toMatchObject({ kind: 'foreign' });
    expect(client.server.announces()).toBe(true);
  });

  it.each<[string, Answer]>([
    ['nothing', { status: 204 }],
    ['an empty object', { body: {} }],
    ['a page', { body: '<html>Welcome</html>' }],
    ['a word', { body: '"done"' }],
  ])('is not acknowledged by %s of a server without extensions either', async (_, answer) => {
    await using server = await RecordingServer.start(() => answer);
    await expect(complete(clientOf(server.url, serverThatOffers([])))).rejects.toMatchObject({
      kind: 'foreign',
    });
  });

  it.each<[string, object]>([
    ['the record', DONE],
    ['its ok', { ok: true }],
    ['a status that is not known here', { ok: true, job: { id: 'job_1', status: 'archived' } }],
  ])('is acknowledged by a server without extensions with %s', async (_, body) => {
    await using server = await RecordingServer.start(() => ({ body }));
    expect(await complete(clientOf(server.url, serverThatOffers([])))).toEqual(body);
  });

  it('is acknowledged by a word of a newer server', async () => {
    const body = { ok: true, job: { id: 'job_1', status: 'archived' } };
    await using server = await RecordingServer.start(() => ({ body, headers: ANNOUNCED }));
    expect(await complete(clientOf(server.url, newestServer()))).toEqual(body);
  });
});

describe('what a row needs in its answer', () => {
  it('is the number that has arrived, for output', async () => {
    await using server = await RecordingServer.start(
      onTheWay({ body: { ok: true, accepted: 1 } }, { body: ME, headers: ANNOUNCED }),
    );
    const request = { params: { jobId: 'job_1' }, body: { ...FENCE, chunks: [] } };
    await expect(send(clientOf(server.url, newestServer()), addLogs, request)).rejects.toThrow('Something');
  });

  it('is nothing for an idle poll of a server without extensions', async () => {
    await using server = await RecordingServer.start(() => ({ status: 204 }));
    const client = clientOf(server.url, serverThatOffers([]));
    expect(await send(client, pollJob, { query: { machineId: 'mach-1' } })).toEqual({});
    await expect(send(client, startJob, { params: { jobId: 'job_1' }, body: FENCE })).rejects.toMatchObject({
      kind: 'foreign',
    });
  });
});

describe('what a server announces', () => {
  const beat = (client: Client) => send(client, heartbeat, { body: { machineId: 'mach-1' } });

  it('is learned from every answer, also from a refusal', async () => {
    const refusal = { error: 'No.', code: 'foreign_machine', requestId: 'req_1' };
    await using server = await RecordingServer.start(() => ({
      status: 403,
      body: refusal,
      headers: ANNOUNCED,
    }));
    const client = clientOf(server.url, serverThatOffers([]));
    await expect(beat(client)).rejects.toMatchObject({ kind: 'refused' });
    expect(client.server.offers('jobs')).toBe(true);
    expect(client.server.offers('dry-run')).toBe(false);
  });

  it('is cleared when an older server has taken its place, and the answer that showed it counts', async () => {
    await using server = await RecordingServer.start(onTheWay({ body: { ok: true } }, { body: ME }));
    const client = clientOf(server.url, newestServer());
    expect(await beat(client)).toEqual({ ok: true });
    expect(client.server.announces()).toBe(false);
  });

  it('is not cleared by somebody on the way who answers everything alike', async () => {
    await using server = await RecordingServer.start(() => ({ body: { ok: true } }));
    const client = clientOf(server.url, newestServer());
    await expect(beat(client)).rejects.toMatchObject({ kind: 'foreign' });
    expect(client.server.announces()).toBe(true);
  });

  it('is asked for when a command needs it, for the server may be newer than before', async () => {
    await using server = await RecordingServer.start(() => ({ body: ME, headers: ANNOUNCED }));
    const client = clientOf(server.url, serverThatOffers([]));
    expect(await findOffer(client, 'jobs')).toBe(true);
    expect(await findOffer(client, 'jobs')).toBe(true);
    expect(server.asked).toHaveLength(1);
  });

  it('may hold names that are not known here', () => {
    expect([...(readCapabilities('time-travel,  jobs') ?? [])]).toEqual(['jobs']);
    expect(readCapabilities(null)).toBeUndefined();
  });
});
