/** The push transports over a real network, with clients that are not ours. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { EventSource } from 'eventsource';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../cli/runner/job/conditions.ts';
import type { Hosted } from '../support/hosted.ts';
import { startHosted } from '../support/hosted.ts';
import { PlainClient } from '../support/plain-client.ts';
import { MinimalClient } from './minimal-client.ts';

let hosted: Hosted;
let person: { email: string; password: string; token: string };

beforeAll(async () => {
  hosted = await startHosted();
  const user = await hosted.createUser();
  person = { ...user, token: await hosted.signIn(user) };
});

afterAll(() => hosted.close());

/** A signed-in person whose machine has synced one repository. */
async function aMachine(): Promise<{ client: PlainClient; ideaId: string }> {
  const client = new PlainClient(hosted.url);
  await client.signIn(person.email, person.password);
  const idea = await client.expectOk('POST /api/cli/ideas', { title: 'Tidal survey', notes: 'Measure.' });
  const ideaId = String(idea.id);
  await client.sync(ideaId, `/home/mira/${client.machineId}`);
  return { client, ideaId };
}

async function enqueue({ client, ideaId }: { client: PlainClient; ideaId: string }, prompt: string) {
  const { job } = await client.expectOk('POST /api/cli/runner/jobs', { prompt, ideaId });
  return String((job as { id: string }).id);
}

function streamUrl(client: PlainClient, query = 'waitSeconds=60'): string {
  return `${hosted.url}/api/cli/runner/events/stream?machineId=${client.machineId}&${query}`;
}

describe.each(['sse', 'ws'] as const)('a client written from docs/protocol.md, over %s', (transport) => {
  const never = new AbortController().signal;

  /** Signed in, with a repository and a session, told as the page says it. */
  async function aRunner(): Promise<{ runner: MinimalClient; client: PlainClient; ideaId: string }> {
    const runner = new MinimalClient();
    const { machineId } = runner;
    await runner.signIn(hosted.url, person.email, person.password);
    const client = new PlainClient(hosted.url, machineId);
    await client.signIn(person.email, person.password);
    const idea = await client.expectOk('POST /api/cli/ideas', { title: 'Tidal survey', notes: 'Measure.' });
    const [ideaId, projectRoot] = [String(idea.id), '/home/mira/survey'];
    const names = { orpSessionId: 'main', codexSessionId: `codex-${machineId}`, label: 'Main' };
    await runner.call('POST', '/api/cli/runner/sync', {
      machineId,
      machineName: 'workbench',
      syncedAt: new Date().toISOString(),
      linkedProjects: [{ ideaId, projectRoot }],
      sessions: [{ projectRoot, ...names, state: 'active', primary: true }],
    });
    return { runner, client, ideaId };
  }

  async function statusOf(client: PlainClient, jobId: string): Promise<string> {
    const { job } = await client.expectOk(`GET /api/cli/runner/jobs/${jobId}`);
    return (job as { status: string }).status;
  }

  it('works what waits, and what is queued while it listens', async () => {
    const { runner, ...machine } = await aRunner();
    const first = await enqueue(machine, 'one');
    const end = new AbortController();
    const answered: string[] = [];
    const firstDone = Promise.withResolvers<void>();
    const agent = async (prompt: string) => {
      answered.push(prompt);
      firstDone.resolve();
      if (answered.length === 2) end.abort();
      return `Answer to ${prompt}`;
    };
    const working = runner.work(transport, agent, end.signal);
    await firstDone.promise;
    const second = await enqueue(machine, 'two');
    await working;
    expect(answered).toEqual(['one', 'two']);
    for (const jobId of [first, second]) expect(await statusOf(machine.client, jobId)).toBe('completed');
  });

  it('stops its agent when a person cancels, and works the next job', async () => {
    const { runner, ...machine } = await aRunner();
    const end = new AbortController();
    const began = Promise.withResolvers<void>();
    const agent = async (prompt: string, stop: AbortSignal) => {
      if (prompt === 'two') end.abort();
      else {
        began.resolve();
        await once(stop, 'abort');
      }
      return 'done';
    };
    const working = runner.work(transport, agent, end.signal);
    const first = await enqueue(machine, 'one');
    await began.promise;
    const second = await enqueue(machine, 'two');
    await machine.client.expectOk(`POST /api/cli/runner/jobs/${first}/cancel`, {});
    await working;
    expect(await statusOf(machine.client, first)).toBe('cancelled');
    expect(await statusOf(machine.client, second)).toBe('completed');
  });

  it('leaves when another instance of its machine listens', async () => {
    const { runner } = await aRunner();
    const working = runner.work(transport, async () => 'done', never);
    const seen = () =>
      hosted.database
        .prepare('SELECT id FROM machines WHERE id = ? AND listening_transport IS NOT NULL')
        .bind(runner.machineId)
        .all();
    await until(async () => (await seen()).results.length === 1);
    const end = new AbortController();
    const newer = runner.sse(end.signal);
    await newer.next();
    await working;
    await newer.return(undefined);
    end.abort();
  });
});

describe('a stock EventSource client', () => {
  it('receives ready and work, and opens the next stream after the retry time', async () => {
    const machine = await aMachine();
    const source = new EventSource(streamUrl(machine.client), {
      fetch: (url, init) =>
        fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${person.token}` } }),
    });
    try {
      await once(source, 'ready');
      const heard = once(source, 'job.available');
      const again = once(source, 'ready');
      await enqueue(machine, 'hello');
      const [{ data, lastEventId }] = (await heard) as [{ data: string; lastEventId: string }];
      expect(JSON.parse(data)).toMatchObject({ jobAvailable: true });
      expect(lastEventId).toBe('2');
      await again;
    } finally {
      source.close();
    }
  });
});

describe('curl -N', () => {
  it('prints the stream as it comes, to its end', async () => {
    const { client } = await aMachine();
    const url = streamUrl(client, 'waitSeconds=1');
    const curl = spawn('curl', ['-sN', '-H', `Authorization: Bearer ${person.token}`, url]);
    let printed = '';
    curl.stdout.on('data', (bytes) => {
      printed += String(bytes);
    });
    const [code] = await once(curl, 'close');
    expect(code).toBe(0);
    expect(printed).toMatch(
      /^retry: 2000\n: open\n\nevent: ready\nid: 1\ndata: \{.*\}\n\nevent: timeout\nid: 2\ndata: \{.*\}\n\n$/,
    );
  });
});

describe('a WebSocket', () => {
  it('is closed within a moment of its close frame', async () => {
    const { client } = await aMachine();
    const url = `${hosted.url.replace('http', 'ws')}/api/cli/runner/events/ws?machineId=${client.machineId}`;
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${person.token}` } });
    await once(socket, 'message');
    socket.send('ping');
    const [{ data }] = (await once(socket, 'message')) as [{ data: string }];
    expect(data).toBe('pong');
    const closedAt = performance.now();
    socket.close();
    await once(socket, 'close');
    expect(performance.now() - closedAt).toBeLessThan(2000);
  });
});
