/** One side is updated before the other: the runner of the previous release with this server, and the other way round. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Hosted, startHosted } from '../support/hosted.ts';
import {
  hasHistory,
  makePreviousRelease,
  PREVIOUS,
  type PreviousRelease,
  skipReason,
} from '../support/previous-release.ts';
import { runScript } from '../support/processes.ts';

const EMAIL = 'first@orp.test';
const PASSWORD = 'the tide comes in';

let folder: string;
let previous: PreviousRelease;
let hosted: Hosted;

beforeAll(async () => {
  if (!hasHistory) return;
  folder = mkdtempSync(join(tmpdir(), 'orp-previous-'));
  previous = makePreviousRelease(folder);
  hosted = await startHosted();
});

afterAll(async () => {
  await hosted?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

async function smoke(
  url: string,
  { email, password, orp }: { email: string; password: string; orp?: string },
) {
  const env = { ...process.env, ORP_SMOKE_PASSWORD: password };
  const words = ['--url', url, '--email', email, ...(orp === undefined ? [] : ['--orp', orp])];
  const script = runScript('scripts/smoke.ts', words, env);
  return { code: await script.ended, said: script.output() };
}

/** The server of the previous release, with an account. */
async function startPrevious(): Promise<{ url: string; server: ChildProcess }> {
  const words = ['scripts/start.ts', '--port', '0', '--persist-to', join(folder, 'state')];
  const env = { ...process.env, ORP_DEV_EMAIL: EMAIL, ORP_DEV_PASSWORD: PASSWORD };
  const server = spawn(process.execPath, words, {
    cwd: previous.folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    let said = '';
    server.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
      if (found !== undefined) resolve(found);
    });
    server.on('close', () => reject(new Error(`The server of ${PREVIOUS.version} ended: ${said}`)));
  });
  return { url, server };
}

describe.skipIf(!hasHistory)(`beside ${PREVIOUS.version}${skipReason}`, () => {
  it('its runner and its commands work with this server', async () => {
    const user = await hosted.createUser('operator');
    const { code, said } = await smoke(hosted.url, { ...user, orp: previous.orp });
    expect({ code, said }).toMatchObject({ code: 0, said: expect.stringContaining('The smoke flow passed') });
    const { results } = await hosted.database
      .prepare('SELECT app_version AS version FROM machines WHERE user_id = ?')
      .bind(user.id)
      .all<{ version: string }>();
    expect(results).toEqual([{ version: PREVIOUS.version }]);
  });

  it('this runner and these commands work with its server', async () => {
    const { url, server } = await startPrevious();
    try {
      const { code, said } = await smoke(url, { email: EMAIL, password: PASSWORD });
      expect({ code, said }).toMatchObject({
        code: 0,
        said: expect.stringContaining('The smoke flow passed'),
      });
      expect(said).toContain('an older server');
    } finally {
      server.kill('SIGTERM');
    }
  });
});
