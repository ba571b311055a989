/** Versions: what the server announces, what `orp about` shows, and when a person is told to update. */

import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HeardVersions, hearVersions } from '../../../cli/base/version.ts';
import type { Streams } from '../../../cli/output/context.ts';
import { giveNotice } from '../../../cli/report-error.ts';
import { runOrp } from '../../../scripts/local/orp-command.ts';
import {
  formatCapabilities,
  formatVersions,
  OLDEST_CLIENT,
  readVersions,
} from '../../../spec/capabilities.ts';
import { Desk } from '../desk.ts';
import { type Answer, RecordingServer } from '../recording-server.ts';

const DAY_MS = 24 * 60 * 60_000;
const ME = { ok: true, user: { id: 'usr_1', email: 'mira@example.test', name: 'Mira' } };
const saying = (versions: string, answer: Answer = { body: ME }): Answer => ({
  ...answer,
  headers: { 'orp-capabilities': formatCapabilities(['jobs']), 'orp-versions': versions },
});

let desk: Desk;
beforeEach(() => {
  desk = new Desk();
});
afterEach(() => {
  hearVersions(undefined);
  desk[Symbol.dispose]();
});

describe('the header orp-versions', () => {
  it('names the release of the server and the oldest client', () => {
    expect(formatVersions('1.2.3+abc1234')).toBe(`newest=1.2.3; oldest=${OLDEST_CLIENT}`);
    expect(formatVersions('')).toBe(`oldest=${OLDEST_CLIENT}`);
    expect(readVersions('newest=1.2.3; oldest=0.4.4')).toEqual({ newest: '1.2.3', oldest: '0.4.4' });
  });

  it.each([
    null,
    '',
    'newest=',
    'newest=1.2',
    'newest=\u001b[31m1.2.3',
    'newest=1.2.3-x',
    `newest=${'9'.repeat(40)}.0.0`,
  ])('is not believed when it is %j', (header) => {
    expect(readVersions(header)).toEqual({ newest: undefined, oldest: undefined });
  });
});

describe('the update notice', () => {
  const newer: HeardVersions = { origin: 'https://orp.test', newest: '10.0.0', oldest: '0.4.4' };

  async function notice(
    heard: HeardVersions,
    {
      isTerminal = true,
      env = {},
      hasFailed = false,
    }: { isTerminal?: boolean; env?: NodeJS.ProcessEnv; hasFailed?: boolean } = {},
  ): Promise<string> {
    let text = '';
    const stderr = new Writable({
      write(chunk, _, done) {
        text += chunk;
        done();
      },
    });
    hearVersions(heard);
    const streams = {
      env: { ...desk.env, ...env },
      stderr: Object.assign(stderr, { isTTY: isTerminal }),
      now: () => desk.now,
    };
    await giveNotice(streams as unknown as Streams, { hasFailed });
    return text;
  }

  it('is given once a day, on a terminal', async () => {
    expect(await notice(newer)).toContain('orp 10.0.0 is available; this is 9.9.9.');
    expect(await notice(newer)).toBe('');
    desk.now += DAY_MS - 1;
    expect(await notice(newer)).toBe('');
    desk.now += 1;
    expect(await notice(newer)).toContain('npm install --global orp-runner@latest');
  });

  it('is given to one of many commands that end at once', async () => {
    hearVersions(newer);
    const told = await Promise.all(Array.from({ length: 8 }, () => notice(newer)));
    expect(told.filter((text) => text !== '')).toHaveLength(1);
  });

  it('is not given off a terminal, in CI, when it is switched off, or when this is the newest', async () => {
    expect(await notice(newer, { isTerminal: false })).toBe('');
    expect(await notice(newer, { env: { CI: 'true' } })).toBe('');
    expect(await notice(newer, { env: { ORP_NO_UPDATE_NOTICE: '1' } })).toBe('');
    expect(await notice({ ...newer, newest: '9.9.9' })).toBe('');
    expect(await notice({ ...newer, newest: undefined })).toBe('');
  });

  it('is a warning of every command when the server no longer supports this orp', async () => {
    const tooOld = { ...newer, oldest: '9.10.0' };
    for (const isTerminal of [true, false]) {
      const text = await notice(tooOld, { isTerminal, env: { CI: '1' } });
      expect(text).toContain('older than the oldest version that https://orp.test supports (9.10.0)');
      expect(text).toContain('npm install --global orp-runner@latest');
    }
    expect(await notice(tooOld, { hasFailed: true })).toBe('');
  });
});

describe('a command of an outdated orp', () => {
  const where = (server: RecordingServer) => ({
    cwd: desk.repo,
    env: { ...desk.env, ORP_TOKEN: 'dvt_secret', ORP_BASE_URL: server.url },
  });

  it('says on stderr how to update, and keeps its stdout', async () => {
    await using server = await RecordingServer.start(() => saying('newest=11.0.0; oldest=10.0.0'));
    const { code, stdout, stderr } = await runOrp(where(server), ['whoami']);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('mira@example.test') });
    expect(stderr).toContain('warning: This orp (9.9.9) is older');
    const json = await runOrp(where(server), ['whoami', '--json']);
    expect(json.stderr).toBe('');
  });

  it('says it in the hint of a refusal, also as JSON', async () => {
    const refusal = { error: 'No.', code: 'invalid_input', requestId: 'req_1' };
    await using server = await RecordingServer.start(() =>
      saying('newest=11.0.0; oldest=10.0.0', { status: 400, body: refusal }),
    );
    const { code, stderr } = await runOrp(where(server), ['whoami', '--json']);
    expect(code).toBe(2);
    expect((JSON.parse(stderr) as { hint: string }).hint).toContain('npm install --global orp-runner@latest');
  });
});

describe('orp about', () => {
  it('shows this orp, and what its server announces', async () => {
    await using server = await RecordingServer.start(() => saying('newest=11.0.0; oldest=0.4.4'));
    const shown = await desk.json('about', '--base-url', server.url);
    expect(shown).toMatchObject({
      version: '9.9.9',
      license: 'MIT',
      server: { url: server.url, answers: true, newest: '11.0.0', oldest: '0.4.4' },
      advice: expect.stringContaining('orp 11.0.0 is available'),
    });
  });

  it('asks no server when none was chosen, and is no error when one does not answer', async () => {
    expect(await desk.json('about')).toMatchObject({ ok: true, server: { url: '', answers: false } });
    expect(await desk.json('about', '--base-url', 'http://127.0.0.1:9')).toMatchObject({
      ok: true,
      server: { answers: false },
    });
  });
});
