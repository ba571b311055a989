/** `npm start` as a person uses it: state that survives, a first operator, a clean end. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isolatedEnv } from '../../scripts/local/orp-command.ts';
import { runProcess } from '../../scripts/local/run-process.ts';
import { PlainClient } from '../support/plain-client.ts';
import { runScript, type ScriptRun } from '../support/processes.ts';

let folder: string;
let running: ScriptRun[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orp-start-test-'));
  running = [];
});

afterEach(async () => {
  for (const script of running) script.kill('SIGTERM');
  await Promise.all(running.map((script) => script.ended));
  rmSync(folder, { recursive: true, force: true });
});

function start(...args: string[]): ScriptRun {
  const env = { ...process.env, ORP_DEV_EMAIL: 'first@orp.test', ORP_DEV_PASSWORD: 'open sesame 42' };
  const script = runScript('scripts/start.ts', ['--persist-to', folder, ...args], env);
  running.push(script);
  return script;
}

async function readyUrl(script: ScriptRun): Promise<string> {
  await script.says('Press Ctrl-C to stop it');
  return /http:\/\/127\.0\.0\.1:\d+/.exec(script.output())?.[0] ?? '';
}

it('creates the first operator once, keeps the state over a restart and ends cleanly on SIGINT and SIGTERM', async () => {
  const first = start('--port', '0');
  const client = new PlainClient(await readyUrl(first));
  await client.signIn('first@orp.test', 'open sesame 42');
  const idea = await client.expectOk('POST /api/cli/ideas', { title: 'Kept', notes: '' });
  first.kill('SIGINT');
  expect(await first.ended).toBe(0);

  const second = start('--port', '0');
  const again = new PlainClient(await readyUrl(second));
  expect(second.output()).not.toContain('First operator');
  await again.signIn('first@orp.test', 'open sesame 42');
  const shown = await again.expectOk(`GET /api/cli/ideas/${String(idea.id)}`);
  expect(shown.idea).toMatchObject({ title: 'Kept' });
  second.kill('SIGTERM');
  expect(await second.ended).toBe(0);
  await expect(fetch(again.url)).rejects.toThrow();
});

it('prints a command for signing in that works when it is pasted, from any folder', async () => {
  const script = start('--port', '0');
  await readyUrl(script);
  await script.says('auth login');
  const command = /^ {2}(node .* auth login .*)$/m.exec(script.output())?.[1] ?? '';
  const { status, stdout, stderr } = await runShell(`${command} --password-stdin`, 'open sesame 42');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('connected=true');
});

/** As a person in another folder would paste it. */
async function runShell(command: string, stdin: string) {
  const shell = { cwd: folder, env: isolatedEnv(folder) };
  const { code, ...said } = await runProcess(['sh', '-c', command], shell, stdin);
  return { status: code, ...said };
}

it('without variables prints a link that makes the first operator once, and none afterwards', async () => {
  const env = { ...process.env, ORP_DEV_EMAIL: '', ORP_DEV_PASSWORD: '' };
  const serve = () => {
    const script = runScript('scripts/start.ts', ['--persist-to', folder, '--port', '0'], env);
    running.push(script);
    return script;
  };
  const first = serve();
  const client = new PlainClient(await readyUrl(first));
  const link = /^ {2}(http:\S+\/setup\?token=lnk_[\w-]{43})$/m.exec(first.output())?.[1] ?? '';
  expect((await fetch(link)).status).toBe(200);
  const [email, password] = ['first@orp.test', 'correct horse battery'];
  const use = () =>
    fetch(link.replace(/\?.*/, ''), {
      method: 'POST',
      redirect: 'manual',
      headers: { Origin: client.url },
      body: new URLSearchParams({ token: link.replace(/.*token=/, ''), email, name: 'Mira', password }),
    });
  expect((await use()).status).toBe(303);
  expect((await use()).status).toBe(404);
  await client.signIn(email, password);
  expect((await client.expectOk('GET /api/cli/me')).user).toMatchObject({ email, role: 'operator' });
  first.kill('SIGTERM');
  expect(await first.ended).toBe(0);

  const second = serve();
  await readyUrl(second);
  await second.says('--reset-password');
  expect(second.output()).not.toContain('/setup');
  second.kill('SIGTERM');
  expect(await second.ended).toBe(0);
});

it('refuses a port in use and a folder in use with one sentence and exit code 2', async () => {
  const first = start('--port', '0');
  const port = new URL(await readyUrl(first)).port;

  const samePort = start('--port', port);
  expect(await samePort.ended).toBe(2);
  expect(samePort.output()).toContain(`Port ${port} is in use.`);
  const sameFolder = start('--port', '0');
  expect(await sameFolder.ended).toBe(2);
  expect(sameFolder.output()).toContain('already serving');
});
