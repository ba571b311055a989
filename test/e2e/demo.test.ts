/** The demonstration is a promise of the README, so it is tested as a person runs it. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runScript } from '../support/processes.ts';

let temporary: string;

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'orp-demo-test-'));
});

afterEach(() => {
  rmSync(temporary, { recursive: true, force: true });
});

it('the demonstration brings both answers into the hosted workspace and leaves nothing behind', async () => {
  const demo = runScript('scripts/demo.ts', [], { ...process.env, TMPDIR: temporary });

  const code = await demo.ended;

  expect(demo.output()).toContain('The demonstration worked.');
  expect(code).toBe(0);
  expect(demo.output()).toMatch(/checkpoint review\s+job_\w+\s+chk_\w+\s+completed/);
  expect(demo.output()).toMatch(/prompt\s+job_\w+\s+completed/);
  expect(readdirSync(temporary)).toEqual([]);
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(demo.output())?.[0] ?? '';
  await expect(fetch(url)).rejects.toThrow();
});

it('the demonstration fails with exit code 1 when its agent cannot be started', async () => {
  const env = { ...process.env, TMPDIR: temporary, CODEX_BIN: join(temporary, 'no-such-agent') };
  const demo = runScript('scripts/demo.ts', ['--codex'], env);

  const code = await demo.ended;

  expect(code).toBe(1);
  expect(demo.output()).toContain('could not be started');
  expect(readdirSync(temporary)).toEqual([]);
});

it.each([
  ['SIGINT', 'Queue a review'],
  ['SIGTERM', 'Claim and run the first job'],
] as const)('the demonstration stopped by %s at “%s” leaves nothing behind', async (signal, title) => {
  const demo = runScript('scripts/demo.ts', [], { ...process.env, TMPDIR: temporary });
  await demo.says(title);

  demo.kill(signal);
  const code = await demo.ended;

  expect(code, demo.output()).toBe(130);
  expect(readdirSync(temporary)).toEqual([]);
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(demo.output())?.[0] ?? '';
  await expect(fetch(url)).rejects.toThrow();
});
