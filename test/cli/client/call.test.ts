import { describe, expect, it } from 'vitest';
import { call, send } from '../../../cli/client/call.ts';
import { type Client, commonHeaders, signedInClient } from '../../../cli/client/client.ts';
import { DEFAULT_RETRY } from '../../../cli/client/retry.ts';
import { ServerError } from '../../../cli/client/server-error.ts';
import { deviceLogin, getMe } from '../../../spec/contract/auth.ts';
import { addIdea, listIdeas, queueCheckpoint, showIdea } from '../../../spec/contract/ideas.ts';
import { syncMachine } from '../../../spec/contract/runner.ts';
import { newestServer, serverThatOffers } from '../../support/known-server.ts';
import { Desk } from '../desk.ts';
import { type Answer, RecordingServer } from '../recording-server.ts';

const USER = { id: 'usr_1', email: 'mira@example.test', name: 'Mira' };
const ME: Answer = { body: { ok: true, user: USER } };

/** A client that does not wait between its tries; the pauses it would have made are in `pauses`. */
function clientOf(server: RecordingServer, overrides: Partial<Client> = {}) {
  const pauses: number[] = [];
  const client: Client = {
    baseUrl: server.url,
    token: 'dvt_secret',
    headers: commonHeaders({ ORP_VERSION: '9.9.9' }),
    timeoutMs: 5_000,
    retry: DEFAULT_RETRY,
    server: newestServer(),
    sleep: async (ms) => void pauses.push(ms),
    random: () => 0.5,
    ...overrides,
  };
  return { client, pauses };
}

/** Answers one after the other; the last one stays. */
function inTurn(...answers: readonly Answer[]) {
  let turn = 0;
  return (): Answer => answers[Math.min(turn++, answers.length - 1)] ?? {};
}

async function failureOf(promise: Promise<unknown>): Promise<ServerError> {
  const error = await promise.catch((reason: unknown) => reason);
  if (error instanceof ServerError) return error;
  throw new Error(`not a service error: ${String(error)}`);
}

describe('a request', () => {
  it('carries the token, the client, a request id and JSON', async () => {
    await using server = await RecordingServer.start(() => ME);
    await call(clientOf(server).client, getMe, {});
    expect(server.only).toMatchObject({ method: 'GET', path: '/api/cli/me', body: undefined });
    expect(server.only.headers).toMatchObject({
      authorization: 'Bearer dvt_secret',
      'content-type': 'application/json',
      'user-agent': 'orp/9.9.9',
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it('shows no token where none is asked for', async () => {
    const expiresAt = '2026-04-02T10:15:00Z';
    await using server = await RecordingServer.start(() => ({ body: { success: true, expiresAt } }));
    await send(clientOf(server).client, deviceLogin, { body: { email: 'm@e.test', password: 'x' } });
    expect(server.only.headers).not.toHaveProperty('authorization');
  });

  it('keeps an id in its place in the path', async () => {
    await using server = await RecordingServer.start(() => ({ body: { idea: { id: 'x' }, features: [] } }));
    const { client } = clientOf(server);
    await send(client, showIdea, { params: { ideaId: 'a/../b?x#ü' } });
    expect(server.only.path).toBe('/api/cli/ideas/a%2F..%2Fb%3Fx%23%C3%BC');
    for (const ideaId of ['', ' ', '.', '..']) {
      await expect(send(client, showIdea, { params: { ideaId } })).rejects.toMatchObject({ code: 'usage' });
    }
    expect(server.asked).toHaveLength(1);
  });

  it('leaves out blank query values', async () => {
    await using server = await RecordingServer.start(() => ({ body: { ideas: [] } }));
    const query = { limit: 25, cursor: '', sort: 'updated_desc', deleted: undefined };
    await send(clientOf(server, { server: serverThatOffers([]) }).client, listIdeas, { query });
    expect(server.only.query).toBe('limit=25&sort=updated_desc');
  });

  it('keeps a path prefix of the base URL', async () => {
    await using server = await RecordingServer.start(() => ME);
    await send(clientOf(server, { baseUrl: `${server.url}/prefix` }).client, getMe, {});
    expect(server.only.path).toBe('/prefix/api/cli/me');
  });

  it('names the bypass of a protected deployment, the first that is set', () => {
    const env = { ORP_VERCEL_BYPASS_TOKEN: ' ', CODA_VERCEL_BYPASS_TOKEN: 'coda' };
    expect(commonHeaders(env)).toMatchObject({ 'x-vercel-protection-bypass': 'coda' });
    expect(commonHeaders({})).not.toHaveProperty('x-vercel-protection-bypass');
  });
});

/** A refusal as the server signs it. */
function signed(code: string, more: object = {}) {
  return { error: 'No.', code, requestId: 'req_1', ...more };
}

describe('an answer', () => {
  it('another shape than agreed is an error that names the field', async () => {
    await using server = await RecordingServer.start(() => ({ body: { user: { id: 1 } } }));
    const error = await failureOf(call(clientOf(server).client, getMe, {}));
    expect(error.message).toBe("The server's answer is invalid: user.id must be a string.");
  });

  it('a redirect is never followed', async () => {
    await using other = await RecordingServer.start();
    await using server = await RecordingServer.start(() => ({
      status: 302,
      headers: { location: other.url },
    }));
    const error = await failureOf(send(clientOf(server).client, getMe, {}));
    expect(error).toMatchObject({ code: 'redirected', status: 302, kind: 'foreign' });
    expect(error.message).toContain(other.url);
    expect(other.asked).toEqual([]);
  });

  const PAGE = '<!doctype html><p>x';

  it.each([
    { status: 401, body: signed('unauthenticated'), kind: 'refused', says: 'No.', hint: /Sign in again/ },
    { status: 403, body: signed('foreign_machine'), kind: 'refused', says: 'No.', hint: /orp whoami/ },
    { status: 404, body: signed('not_found'), kind: 'refused', says: 'No.', hint: /List the records/ },
    { status: 409, body: signed('record_changed'), kind: 'refused', says: 'No.', hint: /Read it again/ },
    {
      status: 401,
      body: { error: 'No such token.' },
      kind: 'unsigned',
      says: 'No such token.',
      hint: /Sign in/,
    },
    { status: 404, body: { message: 'gone' }, kind: 'unsigned', says: 'gone.', hint: /List the records/ },
    {
      status: 409,
      body: { error: null, message: 'changed' },
      kind: 'unsigned',
      says: 'changed.',
      hint: /Read/,
    },
    { status: 409, body: signed('of_tomorrow'), kind: 'unsigned', says: 'No.', hint: /Read it again/ },
    {
      status: 400,
      body: { error: 'two\nlines\u001b[31m' },
      kind: 'unsigned',
      says: 'two\\nlines\\u001b[31m.',
      hint: /Check the values/,
    },
  ])('status $status with $body is one sentence and a hint', async ({ status, body, kind, says, hint }) => {
    await using server = await RecordingServer.start(() => ({ status, body }));
    const error = await failureOf(send(clientOf(server).client, getMe, {}));
    expect(error).toMatchObject({ message: says, kind, details: { status, path: '/api/cli/me' } });
    expect(error.hint).toMatch(hint);
  });

  it.each([
    { status: 403, body: PAGE, what: 'a web page' },
    { status: 200, body: PAGE, what: 'a web page' },
    { status: 500, body: PAGE, what: 'a web page' },
    { status: 400, body: 'plain\nwords', what: 'the text "plain words"' },
    { status: 401, body: {}, what: "JSON that is not in the server's form" },
    { status: 200, body: { welcome: 'guest' }, what: "JSON that is not in the server's form" },
    { status: 200, body: [1], what: "JSON that is not in the server's form" },
    { status: 200, body: undefined, what: 'an empty answer' },
    { status: 204, body: undefined, what: 'an empty answer' },
  ])('status $status with $body is somebody else', async ({ status, body, what }) => {
    await using server = await RecordingServer.start(() => ({ status, body }));
    const error = await failureOf(send(clientOf(server).client, getMe, {}));
    expect(error).toMatchObject({ kind: 'foreign', code: 'unexpected_answer', exitCode: 2 });
    expect(error.message).toBe(`Something between here and the server answered (${what}).`);
    expect(error.hint).toMatch(/^Nothing was lost/);
    expect(server.asked).toHaveLength(4);
  });

  it('from another server does not claim that nothing changed if something may have changed', async () => {
    await using server = await RecordingServer.start(() => ({ body: PAGE }));
    const error = await failureOf(send(clientOf(server).client, addIdea, { body: { title: 'x' } }));
    expect(error.hint).toMatch(/Check whether the command took effect/);
    expect(server.asked).toHaveLength(1);
  });

  it('the code and the hint of the server win', async () => {
    const body = signed('limit_reached', { error: 'Enough.', hint: 'Cancel some jobs.' });
    await using server = await RecordingServer.start(() => ({ status: 429, body }));
    expect(await failureOf(send(clientOf(server).client, getMe, {}))).toMatchObject({
      code: 'limit_reached',
      hint: 'Cancel some jobs.',
    });
  });

  it('no answer in time, and no server at all, are told as such', async () => {
    await using server = await RecordingServer.start(() => new Promise<Answer>(() => undefined));
    const patient = clientOf(server, { timeoutMs: 30, retry: { ...DEFAULT_RETRY, tries: 1 } });
    const late = await failureOf(send(patient.client, getMe, {}));
    expect(late.message).toContain('no answer in time');
    const nobody = clientOf(server, { baseUrl: 'http://127.0.0.1:1', retry: { ...DEFAULT_RETRY, tries: 1 } });
    const error = await failureOf(send(nobody.client, getMe, {}));
    expect(error).toMatchObject({ code: 'unreachable', kind: 'network', exitCode: 2 });
  });
});

describe('retries', () => {
  const QUEUED = { ok: true, id: 'chk_1', status: 'queued', ideaId: 'ide_1', jobId: 'job_1' };
  const UNAVAILABLE: Answer = { status: 503, body: { error: 'busy' } };

  it.each([
    ['503', UNAVAILABLE],
    ['429', { status: 429, body: { error: 'slow down' } }],
    ['a closed connection', { hangUp: true }],
    ['half an answer', { body: '{"ok": tr' }],
  ])('%s is asked again until it is answered', async (_, failure) => {
    await using server = await RecordingServer.start(inTurn(failure, failure, ME));
    const { client, pauses } = clientOf(server);
    expect(await call(client, getMe, {})).toMatchObject({ user: USER });
    expect(pauses).toEqual([125, 250]);
    const ids = server.asked.map(({ headers }) => headers['x-request-id']);
    expect(new Set(ids).size).toBe(1);
  });

  it('gives up after four tries with the last failure', async () => {
    await using server = await RecordingServer.start(() => UNAVAILABLE);
    expect(await failureOf(send(clientOf(server).client, getMe, {}))).toMatchObject({ status: 503 });
    expect(server.asked).toHaveLength(4);
  });

  it('what could happen twice is never sent twice', async () => {
    await using server = await RecordingServer.start(() => UNAVAILABLE);
    await failureOf(send(clientOf(server).client, addIdea, { body: { title: 'x' } }));
    expect(server.asked).toHaveLength(1);
  });

  it('a refusal is not asked again', async () => {
    await using server = await RecordingServer.start(() => ({ status: 404, body: { error: 'no' } }));
    await failureOf(send(clientOf(server).client, getMe, {}));
    expect(server.asked).toHaveLength(1);
  });

  it('what a server without extensions may do twice is sent once', async () => {
    await using server = await RecordingServer.start(() => UNAVAILABLE);
    const { client } = clientOf(server, { server: serverThatOffers([]) });
    const request = { params: { ideaId: 'ide_1' }, body: { contextSelection: {} } };
    await failureOf(send(client, queueCheckpoint, request));
    expect(server.asked).toHaveLength(1);
  });

  it('a repeated POST carries the same idempotency key', async () => {
    await using server = await RecordingServer.start(inTurn(UNAVAILABLE, { body: QUEUED }));
    const body = { contextSelection: {} };
    await send(clientOf(server).client, queueCheckpoint, { params: { ideaId: 'ide_1' }, body });
    const [first, second] = server.asked.map(({ headers }) => headers['idempotency-key']);
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(second).toBe(first);
  });

  it('waits as long as the service asks, but not for ever', async () => {
    const soon = { ...UNAVAILABLE, headers: { 'retry-after': '2' } };
    await using server = await RecordingServer.start(inTurn(soon, ME));
    const { client, pauses } = clientOf(server);
    await send(client, getMe, {});
    expect(pauses).toEqual([2000]);
    server.answer(() => ({ ...UNAVAILABLE, headers: { 'retry-after': '3600' } }));
    await failureOf(send(client, getMe, {}));
    expect(server.asked).toHaveLength(3);
  });

  it('an abort ends it between two tries', async () => {
    await using server = await RecordingServer.start(() => UNAVAILABLE);
    const abort = new AbortController();
    const { client } = clientOf(server, {
      sleep: async (_, signal) => {
        abort.abort(new Error('enough'));
        signal?.throwIfAborted();
      },
    });
    await expect(send(client, getMe, { signal: abort.signal })).rejects.toThrow('enough');
    expect(server.asked).toHaveLength(1);
  });
});

describe('the token', () => {
  it('is never shown to another origin', async () => {
    await using home = await RecordingServer.start(() => ME);
    await using other = await RecordingServer.start(() => ME);
    using desk = new Desk();
    desk.signIn(home.url);
    const { code, error } = await desk.orp(['whoami', '--base-url', other.url]);
    expect(code).toBe(2);
    expect(error).toMatchObject({
      code: 'not_signed_in',
      hint: expect.stringContaining('orp auth login --base-url'),
    });
    expect(other.asked).toEqual([]);
    expect((await desk.orp(['whoami', '--base-url', `${home.url}/`])).code).toBe(0);
  });

  it('does not follow ORP_BASE_URL away from where it was issued', async () => {
    await using home = await RecordingServer.start(() => ME);
    using desk = new Desk();
    desk.signIn(home.url);
    desk.env.ORP_BASE_URL = 'http://127.0.0.1:1';
    expect((await desk.orp(['whoami'])).code).toBe(0);
  });

  it.each([
    ['http://example.test', 'not encrypted'],
    ['ftp://example.test', 'http or https'],
    ['https://mira:pw@example.test', 'without user'],
    ['example.test', 'http or https'],
    ['https://example.test/?x=1', 'query'],
  ])('does not travel to %s', async (baseUrl, sentence) => {
    using desk = new Desk();
    desk.signIn(baseUrl);
    const { code, error } = await desk.orp(['whoami']);
    expect(code).toBe(2);
    expect(error?.message).toContain(sentence);
  });

  it('travels unencrypted only where a person allows it', async () => {
    using desk = new Desk();
    desk.signIn('http://example.test');
    desk.env.ORP_ALLOW_HTTP = '1';
    expect(await signedInClient({ env: desk.env, baseUrl: '' })).toMatchObject({
      baseUrl: 'http://example.test',
    });
  });

  it('compiles with the whole body of a row, and only with it', async () => {
    await using server = await RecordingServer.start(() => ({ body: {} }));
    // @ts-expect-error a sync needs its body
    await send(clientOf(server).client, syncMachine, {}).catch(() => undefined);
    // @ts-expect-error an idea is shown by its id
    await send(clientOf(server).client, showIdea, { params: { id: 'x' } }).catch(() => undefined);
  });
});
