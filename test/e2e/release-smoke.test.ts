/** `npm run release:smoke` in a clean clone: it passes with the packed program, stops at what is wrong, and cleans up. */

import { execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectPath } from '../../scripts/local/project-path.ts';
import { type Hosted, startHosted, type TestUser } from '../support/hosted.ts';

let folder: string;
let clone: string;
let hosted: Hosted;
let user: TestUser;
let registry: Server;
let registryUrl: string;

const isClone = existsSync(projectPath('.git'));

beforeAll(async () => {
  if (!isClone) return;
  folder = mkdtempSync(join(tmpdir(), 'orp-release-test-'));
  clone = join(folder, 'clone');
  execFileSync('git', ['clone', '-q', projectPath(''), clone]);
  symlinkSync(projectPath('node_modules'), join(clone, 'node_modules'));
  appendFileSync(join(clone, '.git', 'info', 'exclude'), 'node_modules\n');
  registry = createServer((request, answer) => {
    const isKnown = request.url?.startsWith('/orp-runner') === true;
    const versions = { '0.0.1': { name: 'orp-runner', version: '0.0.1', dist: {} } };
    answer.writeHead(isKnown ? 200 : 404, { 'content-type': 'application/json' });
    answer.end(
      JSON.stringify(isKnown ? { name: 'orp-runner', 'dist-tags': { latest: '0.0.1' }, versions } : {}),
    );
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  registryUrl = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`;
  hosted = await startHosted();
  user = await hosted.createUser();
});

afterAll(async () => {
  if (!isClone) return;
  registry.close();
  await hosted.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

async function smoke(...args: string[]): Promise<{ code: number | null; said: string }> {
  const { GITHUB_ACTIONS: _, ...inherited } = process.env;
  const env = {
    ...inherited,
    npm_config_registry: registryUrl,
    npm_config_cache: join(folder, 'cache'),
    npm_config_fetch_retries: '0',
    ORP_BASE_URL: hosted.url,
    ORP_TOKEN: await hosted.signIn(user),
    CODEX_BIN: projectPath('scripts/demo/agent.mjs'),
    DEMO_AGENT_HOME: join(folder, 'agent'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_STATE_HOME: join(folder, 'state'),
  };
  const script = spawn(process.execPath, [join(clone, 'scripts/release-smoke.ts'), ...args], {
    cwd: clone,
    env,
  });
  let said = '';
  script.stdout.on('data', (chunk: Buffer) => (said += chunk));
  script.stderr.on('data', (chunk: Buffer) => (said += chunk));
  const code = await new Promise<number | null>((resolve) => script.on('close', resolve));
  return { code, said };
}

const skipped = isClone ? '' : ' (skipped: it needs a clone of the repository)';

describe.skipIf(!isClone)(`the release smoke${skipped}`, () => {
  it('passes locally, on the server and as a worker, and removes its idea', async () => {
    const { code, said } = await smoke('--skip-tests', '--worker', '--codex-session-id', 'session-of-smoke');
    expect({ code, said }).toMatchObject({
      code: 0,
      said: expect.stringContaining('The release smoke passed.'),
    });
    expect(said).toContain('"latest": "0.0.1"');
    const { version } = JSON.parse(readFileSync(projectPath('package.json'), 'utf8')) as { version: string };
    expect(said).toContain(`orp ${version}`);
    const { results } = await hosted.database
      .prepare('SELECT count(*) AS count FROM ideas WHERE user_id = ?')
      .bind(user.id)
      .all<{ count: number }>();
    expect(results[0]?.count).toBe(0);
  });

  it('stops at the guard when something is not committed', async () => {
    const extra = join(clone, 'left-over.txt');
    writeFileSync(extra, '');
    const { code, said } = await smoke('--skip-tests');
    rmSync(extra);
    expect(code).toBe(1);
    expect(said).toContain('left-over.txt');
    expect(said).not.toContain('== Pack');
  });

  it('needs a session for the hosted part, and names an unknown option', async () => {
    expect(await smoke('--hosted')).toMatchObject({
      code: 2,
      said: expect.stringContaining('--codex-session-id'),
    });
    expect(await smoke('--hostd')).toMatchObject({ code: 2, said: expect.stringContaining('hostd') });
  });
});
