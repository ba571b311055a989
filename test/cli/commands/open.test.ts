import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TextOutput } from '../../../cli/output/text-output.ts';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';

const JOB = 'job_0123456789abcdefghijkm';

function signedIn(): Desk {
  const desk = new Desk();
  desk.signIn('https://orp.test');
  return desk;
}

describe('orp open', () => {
  it.each([
    [[], '/inbox'],
    [['jobs'], '/jobs'],
    [[JOB], `/jobs/${JOB}`],
    [['ide_0123456789abcdefghijkm'], '/ideas/ide_0123456789abcdefghijkm'],
    [['here'], '/ideas/ide_1'],
  ])('%j prints the address in a pipe, alone on its line', async (words, path) => {
    using desk = signedIn();
    desk.linkTo('ide_1');
    expect(await desk.orp(['open', ...words])).toMatchObject({
      code: 0,
      stdout: `https://orp.test${path}\n`,
    });
  });

  it('opens the browser on a terminal, and says so', async () => {
    using desk = signedIn();
    for (const name of ['open', 'xdg-open']) {
      desk.write(join(desk.home, 'bin', name), `#!/bin/sh\necho "$@" > ${desk.home}/opened\n`);
      chmodSync(join(desk.home, 'bin', name), 0o700);
    }
    desk.env.PATH = `${join(desk.home, 'bin')}:${desk.env.PATH}`;
    desk.isTerminal = true;
    expect((await desk.orp(['open', 'jobs'])).stdout).toBe('✓ Opened https://orp.test/jobs\n');
    expect(readFileSync(join(desk.home, 'opened'), 'utf8')).toBe('https://orp.test/jobs\n');
    expect((await desk.orp(['open', 'jobs', '--print'])).stdout).toBe('https://orp.test/jobs\n');
  });

  it('prints the address when no browser can be started', async () => {
    using desk = signedIn();
    desk.env.PATH = '/nowhere';
    desk.isTerminal = true;
    expect((await desk.orp(['open'])).stdout).toBe('https://orp.test/inbox\n');
  });

  it('names the pages that exist', async () => {
    using desk = signedIn();
    const { code, error } = await desk.orp(['open', 'fridge']);
    expect(code).toBe(2);
    expect(error?.hint).toBe('Pages: inbox, jobs, ideas, send, settings, here, or an id.');
    expect((await desk.orp(['open', 'here'])).error?.message).toBe(
      'This repository is not linked to an idea.',
    );
  });

  it('finds the newest job', async () => {
    const at = '2026-04-01T10:00:00.000Z';
    const job = {
      ...{ id: JOB, kind: 'session.prompt', status: 'queued', priority: 0, attempt: 0, maxAttempts: 1 },
      ...{ onLeaseLoss: 'hold', sessionFallback: 'primary', target: {}, createdAt: at, updatedAt: at },
      expiresAt: at,
    };
    await using server = await RecordingServer.startNewest(() => ({
      body: { ok: true, jobs: [job], hasMore: false },
    }));
    using desk = new Desk();
    desk.signIn(server.url);
    expect((await desk.orp(['open', '@last'])).stdout).toBe(`${server.url}/jobs/${JOB}\n`);
  });
});

describe('colors', () => {
  it.each([
    [{ isTTY: true, env: {} }, true],
    [{ isTTY: false, env: {} }, false],
    [{ isTTY: true, env: { NO_COLOR: '1' } }, false],
    [{ isTTY: true, env: { TERM: 'dumb' } }, false],
    [{ isTTY: false, env: { CLICOLOR_FORCE: '1' } }, true],
    [{ isTTY: false, env: { CLICOLOR_FORCE: '0' } }, false],
    [{ isTTY: true, env: { CLICOLOR_FORCE: '1', NO_COLOR: '1' } }, false],
  ])('%j: %s', async ({ isTTY, env }, hasColor) => {
    const { PassThrough } = await import('node:stream');
    const { paint } = await import('../../../cli/output/text-output.ts');
    const device = Object.assign(new PassThrough(), { isTTY });
    new TextOutput(device, env).print(paint('red', 'x'));
    expect(String(device.read())).toBe(hasColor ? '\u001b[31mx\u001b[39m' : 'x');
  });
});
