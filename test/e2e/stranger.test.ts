/** Real `orp` and the real server, with somebody on the way who answers in its place: nothing is lost, and nothing runs twice. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, connect as dial, type Server } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../cli/runner/job/conditions.ts';
import { type OrpProcess, RECIPE_AGENT, startOrp } from '../cli/runner/orp-process.ts';
import { type Hosted, startHosted } from '../support/hosted.ts';
import { orpInside } from '../support/orp-inside.ts';
import { linkSession, makeWorkspace, type Workspace } from '../support/workspace.ts';

interface Answer {
  /** Status line and headers. */
  head: string;
  body: string | Buffer;
}

const PAGE: Answer = {
  head: '403 Forbidden\r\ncontent-type: text/html',
  body: '<!doctype html><title>Blocked</title>',
};
const PORTAL: Answer = {
  head: '200 OK\r\ncontent-type: text/html',
  body: '<html>Sign in to the network</html>',
};
const STRANGERS: Record<string, Answer> = {
  'a web page with 403': PAGE,
  'a conflict in JSON': {
    head: '409 Conflict\r\ncontent-type: application/json',
    body: '{"error":"conflict","code":"lease_lost"}',
  },
  'a redirect': { head: '302 Found\r\nlocation: http://127.0.0.1:9/portal', body: '' },
  'an empty object': { head: '200 OK\r\ncontent-type: application/json', body: '{}' },
  'garbage that calls itself gzip': {
    head: '200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip',
    body: Buffer.concat([gzipSync('{"ok":true}').subarray(0, 12), Buffer.from('garbage')]),
  },
};

/** A proxy that answers what matches by itself, as often as it is told. */
class Meddler {
  answered = 0;
  #server: Server;
  #order: { route: RegExp; answer: Answer; times: number } | undefined;

  private constructor(port: number) {
    this.#server = createServer((client) => {
      const upstream = dial(port, '127.0.0.1');
      for (const socket of [client, upstream]) {
        socket.on('error', () => undefined);
        socket.on('close', () => {
          client.destroySoon();
          upstream.destroy();
        });
      }
      client.on('data', (bytes: Buffer) => {
        const path = /^[A-Z]+ (\S+) HTTP\/1\.1\r\n/.exec(bytes.toString('latin1', 0, 4096))?.[1];
        const answer = path === undefined ? undefined : this.#take(path);
        if (answer === undefined) return void upstream.write(bytes);
        const head = `HTTP/1.1 ${answer.head}\r\ncontent-length: ${Buffer.byteLength(answer.body)}\r\nconnection: close\r\n\r\n`;
        client.end(Buffer.concat([Buffer.from(head), Buffer.from(answer.body)]));
      });
      upstream.on('data', (bytes: Buffer) => void client.write(bytes));
    });
  }

  static async start(port: number): Promise<Meddler> {
    const meddler = new Meddler(port);
    await new Promise<void>((listening) => meddler.#server.listen(0, '127.0.0.1', listening));
    return meddler;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    return `http://127.0.0.1:${address.port}`;
  }

  answer(route: RegExp, answer: Answer, times = Number.POSITIVE_INFINITY): void {
    this.answered = 0;
    this.#order = { route, answer, times };
  }

  pass(): void {
    this.#order = undefined;
  }

  close(): void {
    this.#server.close();
  }

  #take(path: string): Answer | undefined {
    if (this.#order === undefined || this.answered >= this.#order.times || !this.#order.route.test(path))
      return undefined;
    this.answered += 1;
    return this.#order.answer;
  }
}

interface Job {
  id: string;
  status: string;
  content?: string;
  attempts: unknown[];
}

let hosted: Hosted;
let meddler: Meddler;
let workspace: Workspace;
let runner: OrpProcess | undefined;

beforeAll(async () => {
  hosted = await startHosted();
  meddler = await Meddler.start(Number(new URL(hosted.url).port));
  workspace = await makeWorkspace({ ...hosted, url: meddler.url });
  await linkSession(workspace, 'codex-session-1');
});

afterAll(async () => {
  workspace.remove();
  meddler.close();
  await hosted.close();
});

const orp = <Document>(...words: string[]) => orpInside<Document>(workspace.orp, words);
const show = async (id: string) => (await orp<{ job: Job }>('job', 'show', id)).job;

async function submit(recipe: object): Promise<Job> {
  return (await orp<{ job: Job }>('job', 'submit', JSON.stringify(recipe))).job;
}

async function withRunner(work: () => Promise<void>): Promise<void> {
  const words = ['runner', 'work', '--codex-bin', RECIPE_AGENT, '--poll-interval', '2'];
  runner = startOrp(words, { cwd: workspace.repository, env: workspace.orp.env ?? {} });
  try {
    await work();
  } finally {
    meddler.pass();
    runner.child.kill('SIGTERM');
    await runner.ended;
  }
}

function kept(): string[] {
  const folder = join(workspace.folder, 'state/orp/kept');
  return existsSync(folder) ? readdirSync(folder) : [];
}

describe('a job whose result first meets something that is not the server', () => {
  it.each(Object.entries(STRANGERS))('is completed once after %s', async (_, answer) => {
    const journal = join(workspace.folder, `journal-${Math.random()}`);
    const job = await submit({ journal, say: 'Twelve.' });
    meddler.answer(/\/complete$/, answer, 2);
    await withRunner(async () => {
      await until(() => meddler.answered === 2);
      await until(async () => (await show(job.id)).status === 'completed');
    });
    expect(await show(job.id)).toMatchObject({ content: 'Twelve.', attempts: [expect.anything()] });
    expect(readFileSync(journal, 'utf8').match(/^start /gm)).toHaveLength(1);
    expect(kept()).toEqual([]);
  });
});

describe('a portal that answers everything', () => {
  it('ends neither the agent nor the runner, and everything arrives when it is gone', async () => {
    const [ready, go] = [join(workspace.folder, 'ready'), join(workspace.folder, 'go')];
    const job = await submit({ ready, waitFor: go, say: 'Twelve.' });
    await withRunner(async () => {
      await until(() => existsSync(ready));
      meddler.answer(/^/, PORTAL);
      writeFileSync(go, '');
      await until(() => meddler.answered > 4);
      meddler.pass();
      await until(async () => (await show(job.id)).status === 'completed');
      const next = await submit({ say: 'Thirteen.' });
      await until(async () => (await show(next.id)).status === 'completed');
    });
  });

  it('keeps a runner from nothing when it answers only the channels', async () => {
    meddler.answer(/\/events\//, PORTAL);
    const job = await submit({ say: 'Twelve.' });
    await withRunner(async () => {
      await until(async () => (await show(job.id)).status === 'completed');
      await until(() => meddler.answered > 2);
      const next = await submit({ say: 'Thirteen.' });
      await until(async () => (await show(next.id)).status === 'completed');
    });
  });
});
