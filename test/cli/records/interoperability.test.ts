/**
 * Files as v0.4.4 writes them, with its aliases and with odd values: `orp` reads them, changes them and writes them again.
 * Each case compares every byte of the result, and validates it against the published schema.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { Desk } from '../desk.ts';
import { type Answer, type Asked, RecordingServer } from '../recording-server.ts';
import { CASES, project, python, runtime, sessionFile, USER } from './v044-records.ts';

const SCHEMAS = join(import.meta.dirname, '..', '..', '..', 'spec', 'v1');
function published(name: string): z.ZodType {
  const text = readFileSync(join(SCHEMAS, `${name}.schema.json`), 'utf8');
  const { $id: _, ...schema } = JSON.parse(text) as Record<string, unknown>;
  return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
}

const answer = ({ method, path }: Asked): Answer => {
  if (path.endsWith('/world')) {
    return { body: { ok: true, world: { id: 'wor_3', name: 'survey', status: 'active' } } };
  }
  if (path.endsWith('device-verify')) return { body: { token: 'dvt_2', user: USER } };
  return { body: method === 'GET' ? { ok: true } : { ok: true, syncedProjects: 1, syncedSessions: 1 } };
};

describe.each(Object.entries(CASES))('%s', (_name, { schema, file, given, command, result }) => {
  it('is read, changed, and written in the published form', async () => {
    await using server = await RecordingServer.start(answer);
    using desk = new Desk();
    desk.signIn(server.url);
    desk.write(file(desk), given(desk));
    const { code, error } = await desk.orp([...command.split(' '), '--json']);
    expect([code, error?.message]).toEqual([0, undefined]);
    const written = desk.read(file(desk));
    expect(written).toBe(python(result(desk)));
    expect(published(schema).safeParse(JSON.parse(written)).error).toBeUndefined();
  });

  it('is only read by commands that change nothing', async () => {
    await using server = await RecordingServer.start(answer);
    using desk = new Desk();
    desk.signIn(server.url);
    desk.write(file(desk), given(desk));
    for (const words of ['link status', 'link doctor', 'link session list', 'runner status']) {
      const { error } = await desk.orp(words.split(' '));
      expect(error).toBeUndefined();
    }
    expect(desk.read(file(desk))).toBe(given(desk));
  });
});

describe('the sign-in file of v0.4.4', () => {
  const path = (desk: Desk) => join(desk.userFolder, 'remote-session.json');
  const SIGNED_IN = (url: string) => ({
    ...{ base_url: url, email: 'mira@example.test', token: 'dvt_1', user: { ...USER, plan: 'pro' } },
    ...{ pending_verification: null, theme: 'dunkel ä' },
  });
  async function afterwards(command: string, given: (url: string) => string) {
    await using server = await RecordingServer.start(answer);
    using desk = new Desk();
    desk.write(path(desk), given(server.url));
    const { code } = await desk.orp(command.split(' '));
    expect(code).toBe(0);
    return { text: desk.read(path(desk)), url: server.url };
  }

  it('keeps its order and the keys of others at a sign-in, and loses them at a sign-out', async () => {
    const all = (url: string) => python(SIGNED_IN(url));
    const verified = await afterwards('auth verify --email mira@example.test --code 417220', all);
    expect(verified.text).toBe(python({ ...SIGNED_IN(verified.url), token: 'dvt_2', user: USER }));
    const left = await afterwards('auth logout', all);
    const { base_url, email } = SIGNED_IN(left.url);
    expect(left.text).toBe(python({ base_url, email, token: '', user: null, pending_verification: null }));
  });

  it.each([
    [
      'null instead of text',
      (url: string) => ({ base_url: `${url}/`, email: null, token: null, user: 'Mira' }),
    ],
    ['a blank token', (url: string) => ({ base_url: url, token: '  ' })],
  ])('with %s is signed out, and never the text None', async (_name, record) => {
    await using server = await RecordingServer.start(answer);
    using desk = new Desk();
    desk.write(path(desk), JSON.stringify(record(server.url)));
    const status = await desk.json('link', 'status');
    expect(status.hosted_auth).toEqual({
      ...{ base_url: server.url, email: '', user: null, connected: false, pending_verification: null },
    });
  });

  it('that is torn is told, kept beside the new one, and replaced by a sign-in', async () => {
    await using server = await RecordingServer.start(answer);
    using desk = new Desk();
    desk.write(path(desk), '{"base_url": "http');
    desk.env.ORP_BASE_URL = server.url;
    expect((await desk.json('link', 'doctor')).issues).toContainEqual(
      expect.objectContaining({ code: 'invalid_sign_in_record' }),
    );
    await desk.json('auth', 'verify', '--email', 'mira@example.test', '--code', '417220');
    expect(desk.readJson(path(desk))).toMatchObject({ base_url: server.url, token: 'dvt_2' });
    expect(readdirSync(desk.userFolder).filter((name) => name.includes('.torn-'))).toHaveLength(1);
  });
});

describe('a torn file in a repository', () => {
  it.each([
    ['the link', project, 'link project bind --idea-id ide_77'],
    ['the runtime', runtime, 'runner cancel job_1'],
    ['a session', sessionFile('main'), 'link session register --orp-session-id main --label M'],
  ])(
    '%s reads as absent, stops no command that reads, and its bytes are kept',
    async (_name, file, command) => {
      await using server = await RecordingServer.start(answer);
      using desk = new Desk();
      desk.signIn(server.url);
      desk.write(file(desk), '{"half": ');
      for (const words of ['link status', 'link session list', 'runner status']) {
        expect((await desk.orp(words.split(' '))).code).toBe(0);
      }
      expect(desk.read(file(desk))).toBe('{"half": ');
      expect((await desk.orp(command.split(' '))).code).toBe(0);
      const folder = join(file(desk), '..');
      const kept = readdirSync(folder).filter((name) => desk.read(join(folder, name)) === '{"half": ');
      expect(kept).toHaveLength(1);
    },
  );
});

describe('the folders of v0.4.4', () => {
  it.each([
    ['nothing', (_desk: Desk) => undefined],
    [
      'an empty folder of sessions',
      (desk: Desk) => mkdirSync(join(desk.link, 'sessions'), { recursive: true }),
    ],
  ])('%s is a repository without a link', async (_name, make) => {
    using desk = new Desk();
    make(desk);
    expect(await desk.json('link', 'status')).toMatchObject({ project_link_exists: false, sessions: [] });
    expect(existsSync(project(desk))).toBe(false);
  });

  it('a session file with any name is listed, and stays one session when it is changed', async () => {
    using desk = new Desk();
    desk.write(join(desk.link, 'sessions', 'copy of main.json'), '{"session_id":"main","label":"M"}');
    expect(await desk.json('link', 'session', 'list')).toMatchObject({ session_counts: { total: 1 } });
    const { session_counts } = await desk.json('link', 'session', 'archive', 'main');
    expect(session_counts).toMatchObject({ total: 1, archived: 1 });
    expect(await desk.json('link', 'session', 'list')).toMatchObject({ session_counts: { total: 1 } });
  });
});

describe('the governance files of v0.4.4', () => {
  const FILES = {
    'orp/state.json': {
      governance: { orp_governed: true, mode: 'repo_governance', default_branch: 'trunk' },
      last_run_id: 'run_1',
      runs: { run_1: 'orp/artifacts/run_1/RUN.json' },
    },
    'orp/governance.json': { repo: { orp_governed: true } },
    'orp/agent-policy.json': {},
    'orp/artifacts/run_1/RUN.json': {
      profile: 'default',
      summary: { overall_result: 'PASS', gates_passed: 3, gates_failed: 0, gates_total: 3 },
      started_at_utc: '2026-03-01T00:00:00Z',
      ended_at_utc: '2026-03-01T00:01:00Z',
      repo: { git: { branch: 'main', commit: 'abc1234' } },
    },
    '.git/orp/runtime.json': { last_ready: { at_utc: '2026-03-01T00:02:00Z' } },
  };

  it('are shown in the status of the links, and stay as they are', async () => {
    using desk = new Desk();
    for (const [name, value] of Object.entries(FILES)) desk.write(join(desk.repo, name), python(value));
    const { governance } = await desk.json('link', 'status');
    expect(governance).toMatchObject({
      orp_governed: true,
      mode: 'repo_governance',
      agent_policy_exists: true,
      handoff_exists: false,
      git: { default_branch: 'trunk' },
      runtime: { last_ready: { at_utc: '2026-03-01T00:02:00Z' }, latest_run: expect.any(Object) },
      validation: { available: true },
    });
    for (const [name, value] of Object.entries(FILES))
      expect(desk.read(join(desk.repo, name))).toBe(python(value));
  });

  it.each([
    ['lists where objects belong', '{"governance":[],"runs":[],"last_run_id":7}'],
    ['a run whose file is gone', '{"last_run_id":"run_1","runs":{"run_1":"orp/nowhere/RUN.json"}}'],
    ['a path that leaves the repository', '{"last_run_id":"r","runs":{"r":"../../../etc/passwd"}}'],
    ['half a file', '{"governance": {'],
  ])('with %s stop no command', async (_name, state) => {
    using desk = new Desk();
    desk.write(join(desk.repo, 'orp', 'state.json'), state);
    for (const words of ['link status', 'link doctor', 'runner status'])
      expect((await desk.orp(words.split(' '))).code).toBe(0);
  });
});
