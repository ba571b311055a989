/**
 * Measures each page of a full account: its time on the server, the bytes that a browser loads, and the rows that the
 * database reads.
 */

import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { MEASURED_PATHS } from '../browser/bench-paths.ts';
import type { BenchOptions, Report } from './bench.ts';
import type { Bill } from './price.ts';
import { percentile, rounded } from './report.ts';
import { type BenchService, startBenchService } from './service.ts';

const JOBS = 10_000;
const LIVE_JOBS = 200;
const MACHINES = 500;
const IDEAS = 1000;
const WARM_UP = 3;
const GOAL_MS = 50;
const GOAL_KB = 60;

interface Measured {
  path: string;
  p50Ms: number;
  p95Ms: number;
  transferredKb: number;
  rowsRead: number;
}

export async function run({ jobs: samples, say }: BenchOptions): Promise<Report> {
  const service = await startBenchService({
    entry: 'test/workers/bench/counting-worker.ts',
    hasStaticFiles: true,
  });
  try {
    say(`filling an account: ${JOBS} jobs, ${MACHINES} machines, ${IDEAS} ideas`);
    await fill(service);
    const visitor = new Visitor(service.url, await signIn(service));
    const pages: Measured[] = [];
    for (const path of MEASURED_PATHS) {
      pages.push(await measure(service, visitor, { path, samples }));
      say(path);
    }
    const slowest = Math.max(...pages.map(({ p95Ms }) => p95Ms));
    return {
      title: `Pages of an account with ${JOBS} jobs, ${MACHINES} machines and ${IDEAS} ideas, ${samples} visits each`,
      table: [
        ['page', 'p50 ms', 'p95 ms', 'kB transferred', 'rows read'],
        ...pages.map(({ path, p50Ms, p95Ms, transferredKb, rowsRead }) => [
          path,
          p50Ms,
          p95Ms,
          transferredKb,
          rowsRead,
        ]),
      ],
      notes: [
        `The slowest page takes ${slowest} ms (p95; goal: at most ${GOAL_MS} ms on the local runtime).`,
        `Bytes are those of a first visit, with style sheet, script and icon (goal: at most ${GOAL_KB} kB).`,
      ],
      json: { pages },
    };
  } finally {
    await service.close();
  }
}

async function measure(
  service: BenchService,
  visitor: Visitor,
  { path, samples }: { path: string; samples: number },
): Promise<Measured> {
  for (let done = 0; done < WARM_UP; done += 1) await visitor.get(path);
  await readBill(service);
  const { text, bytes } = await visitor.get(path);
  const { rowsRead } = await readBill(service);
  const times: number[] = [];
  for (let done = 0; done < samples; done += 1) {
    const from = performance.now();
    await visitor.get(path);
    times.push(performance.now() - from);
  }
  const assets = await Promise.all(assetsIn(text).map(async (asset) => (await visitor.get(asset)).bytes));
  const all = bytes + assets.reduce((sum, one) => sum + one, 0);
  return {
    path,
    p50Ms: rounded(percentile(times, 0.5)),
    p95Ms: rounded(percentile(times, 0.95)),
    transferredKb: rounded(all / 1000),
    rowsRead,
  };
}

async function readBill({ url }: BenchService): Promise<Bill> {
  return (await (await fetch(`${url}/bench/bill`)).json()) as Bill;
}

function assetsIn(html: string): string[] {
  return [...new Set([...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path))];
}

class Visitor {
  readonly #url: string;
  readonly #cookie: string;

  constructor(url: string, cookie: string) {
    this.#url = url;
    this.#cookie = cookie;
  }

  /** `bytes`: of the body on the wire, compressed as for a browser. */
  async get(path: string): Promise<{ text: string; bytes: number }> {
    const asked = request(this.#url + path, { headers: { cookie: this.#cookie, 'accept-encoding': 'gzip' } });
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    const body = await buffer(response);
    if (response.statusCode !== 200) throw new Error(`${path} answered ${response.statusCode}`);
    const isZipped = response.headers['content-encoding'] === 'gzip';
    return { text: (isZipped ? gunzipSync(body) : body).toString('utf8'), bytes: body.byteLength };
  }
}

async function signIn({ url }: BenchService): Promise<string> {
  const response = await fetch(`${url}/login`, {
    method: 'POST',
    headers: { origin: url },
    redirect: 'manual',
    body: new URLSearchParams({ email: 'bench@example.test', password: 'a long bench password' }),
  });
  const cookie = response.headers.getSetCookie().map((one) => one.split(';')[0] ?? '');
  if (response.status !== 303 || cookie.length === 0) throw new Error(`/login answered ${response.status}`);
  return cookie.join('; ');
}

/** An operator with a long history, a queue, and a fleet. */
async function fill(service: BenchService): Promise<void> {
  const { database, userId } = service;
  await service.addHistory(JOBS);
  const now = Date.now();
  const run = (sql: string, ...values: (string | number)[]) =>
    database
      .prepare(sql)
      .bind(...values)
      .run();
  await run("UPDATE users SET role = 'operator' WHERE id = ?", userId);
  const numbers = 'WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1)';
  await run(
    `${numbers} INSERT INTO machines (id, user_id, name, platform, app_version, first_seen_at, last_seen_at, last_sync_at)
     SELECT printf('mac-%04d', i), ?2, printf('Mac %d', i), 'darwin', '0.5.0', ?3, ?3 - i * 60000, ?3 FROM n`,
    MACHINES,
    userId,
    now,
  );
  await run(
    `${numbers} INSERT INTO ideas (user_id, id, title, visibility, created_at, updated_at, notes)
     SELECT ?2, printf('ide_%04d', i), printf('Idea %d', i), 'private', ?3, ?3 - i, 'Measure the tide.' FROM n`,
    IDEAS,
    userId,
    now,
  );
  await run(
    `${numbers} INSERT INTO linked_projects (user_id, machine_id, project_root, idea_id, synced_at)
     SELECT ?2, printf('mac-%04d', i), printf('/srv/repository-%d', i), printf('ide_%04d', i), ?3 FROM n`,
    MACHINES,
    userId,
    now,
  );
  await run(
    `${numbers} INSERT INTO linked_sessions (user_id, machine_id, project_root, synced_at, sessions)
     SELECT ?2, printf('mac-%04d', i), printf('/srv/repository-%d', i), ?3, json_array(json_object(
       'orpSessionId', 'main', 'codexSessionId', printf('codex-%d', i), 'label', 'Main', 'state', 'active',
       'primary', json('true'))) FROM n`,
    MACHINES,
    userId,
    now,
  );
  await run(
    `${numbers} INSERT INTO jobs (user_id, id, kind, status, created_at, available_at, expires_at, updated_at, on_lease_loss,
       max_attempts, session_fallback, target_machine_id, prompt)
     SELECT ?2, printf('job_00000000z%08d', i), 'session.prompt', 'queued', ?3, ?3, ?3 + 86400000, ?3, 'hold', 3, 'primary',
       printf('mac-%04d', i % 20), 'Calibrate the north gauge.' FROM n`,
    LIVE_JOBS,
    userId,
    now,
  );
}
