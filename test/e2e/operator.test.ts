/** A person who lost the password of a local server gets a new one, and hears when a variable that is set does nothing. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PlainClient } from '../support/plain-client.ts';
import { runScript, type ScriptRun } from '../support/processes.ts';

const EMAIL = 'first@orp.test';

let folder: string;
let running: ScriptRun[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orp-operator-test-'));
  running = [];
});

afterEach(async () => {
  for (const script of running) script.kill('SIGTERM');
  await Promise.all(running.map((script) => script.ended));
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

async function serve(env: NodeJS.ProcessEnv): Promise<{ script: ScriptRun; client: PlainClient }> {
  const words = ['--persist-to', folder, '--port', '0'];
  const script = runScript('scripts/start.ts', words, { ...process.env, ...env });
  running.push(script);
  await script.says('--reset-password');
  return { script, client: new PlainClient(/http:\/\/127\.0\.0\.1:\d+/.exec(script.output())?.[0] ?? '') };
}

async function stop(script: ScriptRun): Promise<void> {
  script.kill('SIGTERM');
  expect(await script.ended).toBe(0);
}

async function operator(...words: string[]): Promise<{ code: number | null; said: string }> {
  const script = runScript('scripts/operator.ts', ['--persist-to', folder, ...words]);
  const code = await script.ended;
  return { code, said: script.output() };
}

it('a lost password is replaced while the server is stopped, and its state stays', async () => {
  const { script, client } = await serve({ ORP_DEV_EMAIL: EMAIL, ORP_DEV_PASSWORD: 'open sesame 42' });
  await client.signIn(EMAIL, 'open sesame 42');
  const idea = await client.expectOk('POST /api/cli/ideas', { title: 'Kept', notes: '' });
  const early = await operator('--reset-password');
  expect(early).toMatchObject({ code: 2, said: expect.stringContaining('Stop it first') });
  await stop(script);

  const { code, said } = await operator('--reset-password');
  expect({ code, said }).toMatchObject({
    code: 0,
    said: expect.stringContaining(`${EMAIL} has a new password`),
  });
  const password = /new password: (\S+)/.exec(said)?.[1] ?? '';
  const again = await serve({ ORP_DEV_EMAIL: EMAIL, ORP_DEV_PASSWORD: 'open sesame 42' });
  expect(again.script.output()).toContain(
    `ORP_DEV_PASSWORD is ignored: the account ${EMAIL} exists already.`,
  );
  expect(again.script.output()).not.toContain('ORP_DEV_EMAIL is ignored');
  await again.client.signIn(EMAIL, password);
  expect((await again.client.expectOk(`GET /api/cli/ideas/${String(idea.id)}`)).idea).toMatchObject({
    title: 'Kept',
  });
});

it('a variable that says what is so already is not called ignored', async () => {
  const env = { ORP_DEV_EMAIL: EMAIL, ORP_DEV_PASSWORD: 'open sesame 42' };
  await stop((await serve(env)).script);
  expect((await serve(env)).script.output()).not.toContain('is ignored');
});

it('a password is not set for an account that does not exist, nor where there is no server', async () => {
  await stop((await serve({ ORP_DEV_EMAIL: EMAIL })).script);
  expect(await operator('--reset-password', '--email', 'nobody@orp.test')).toMatchObject({
    code: 2,
    said: expect.stringContaining('There is no account nobody@orp.test.'),
  });
  const empty = runScript('scripts/operator.ts', [
    '--reset-password',
    '--persist-to',
    join(folder, 'nowhere'),
  ]);
  expect(await empty.ended).toBe(2);
  expect(empty.output()).toContain('There is no local server in');
});

it('without an account prints a set-up link, and none when there is an operator', async () => {
  const { script } = await serve({ ORP_DEV_EMAIL: '', ORP_DEV_PASSWORD: '' });
  expect(script.output()).toContain('/setup?token=lnk_');
  await stop(script);
  const { code, said } = await operator('--url', 'https://orp.example.org/');
  expect({ code, said }).toMatchObject({
    code: 0,
    said: expect.stringMatching(/^ {2}https:\/\/orp\.example\.org\/setup\?token=lnk_[\w-]{43}$/m),
  });
  expect(await operator('--url', 'nowhere')).toMatchObject({ code: 2 });
  expect((await operator('--email', EMAIL)).code).toBe(0);
  expect(await operator()).toMatchObject({
    code: 2,
    said: expect.stringContaining('There is an operator already.'),
  });
});
