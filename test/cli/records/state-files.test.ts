import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { readJsonFile, writeJsonFile } from '../../../cli/files/json-file.ts';
import { formatTimestamp, parseTimestamp } from '../../../cli/files/timestamps.ts';
import { requireGit, resolveRepo, runtimePath } from '../../../cli/git/repository.ts';
import { normaliseMachine } from '../../../cli/records/machine.ts';
import { normaliseProjectLink } from '../../../cli/records/project-link.ts';
import { recordClaim, recordFinish, recordHeartbeat, recordStart } from '../../../cli/records/runtime.ts';
import { activeLease, normaliseRuntime, readRuntime } from '../../../cli/records/runtime-record.ts';
import { normaliseSession } from '../../../cli/records/sessions/session-record.ts';
import { sessionFileName } from '../../../cli/records/sessions/sessions.ts';
import { updateRemoteSession } from '../../../cli/records/sign-in-record.ts';
import { linkProjectSchema } from '../../../spec/local/link-project.ts';
import { linkSessionSchema } from '../../../spec/local/link-session.ts';
import { runnerMachineSchema } from '../../../spec/local/runner-machine.ts';
import { runnerRuntimeSchema } from '../../../spec/local/runner-runtime.ts';
import { T0 } from '../../support/clock.ts';
import { Desk } from '../desk.ts';

const SECOND = 1000;

describe('the bytes of the records', () => {
  it('a machine record has the documented keys, order and ending', async () => {
    using desk = new Desk();
    desk.signIn('http://127.0.0.1:1');
    desk.write(
      join(desk.userFolder, 'machine.json'),
      '{"machineId":"m-1","machine_name":"Zoë’s","platform":"linux","appVersion":"0.4.4","extra":1}',
    );
    await desk.json('runner', 'enable');
    expect(desk.read(join(desk.userFolder, 'machine.json'))).toBe(`{
  "schema_version": "1.0.0",
  "machine_id": "m-1",
  "machine_name": "Zo\\u00eb\\u2019s",
  "platform": "linux",
  "app_version": "0.4.4",
  "runner_enabled": true,
  "linked_email": "mira@example.test"
}
`);
    expect(desk.read(join(desk.link, 'runner.json'))).toBe(desk.read(join(desk.userFolder, 'machine.json')));
  });

  it('a session record has the documented keys and order', async () => {
    using desk = new Desk();
    const words = 'link session register --orp-session-id s/1 --label L --codex-session-id c-1 --role review';
    await desk.json(...words.split(' '), '--window-id', '3', '--tab-number', '2', '--notes', 'é');
    expect(desk.read(join(desk.link, 'sessions', sessionFileName('s/1')))).toBe(`{
  "schema_version": "1.0.0",
  "orp_session_id": "s/1",
  "label": "L",
  "state": "active",
  "project_root": "${desk.repo}",
  "created_at_utc": "2026-04-01T10:00:00Z",
  "last_active_at_utc": "2026-04-01T10:00:00Z",
  "archived": false,
  "primary": true,
  "source": "cli",
  "codex_session_id": "c-1",
  "role": "review",
  "terminal_target": {
    "window_id": 3,
    "tab_number": 2
  },
  "notes": "\\u00e9"
}
`);
  });

  it('a runtime record has the documented keys and order', async () => {
    using desk = new Desk();
    const repository = requireGit(await resolveRepo(desk.repo, desk.env));
    const work = { job_id: 'job_1', job_kind: 'session.prompt', lease_id: 'lea_1', idea_id: 'ide_1' };
    await recordClaim(repository, { ...work, lease_expires_at_utc: '2026-04-01T10:02:00Z' }, T0);
    expect(desk.read(runtimePath(repository))).toBe(`{
  "schema_version": "1.0.0",
  "status": "claimed",
  "updated_at_utc": "2026-04-01T10:00:00Z",
  "active_job": {
    "job_id": "job_1",
    "job_kind": "session.prompt",
    "lease_id": "lea_1",
    "idea_id": "ide_1",
    "project_root": "${desk.repo}",
    "repo_root": "${desk.repo}",
    "status": "claimed",
    "claimed_at_utc": "2026-04-01T10:00:00Z",
    "last_heartbeat_at_utc": "2026-04-01T10:00:00Z",
    "lease_expires_at_utc": "2026-04-01T10:02:00Z"
  },
  "last_job": {},
  "recent_events": [
    {
      "timestamp_utc": "2026-04-01T10:00:00Z",
      "status": "claimed",
      "job_id": "job_1",
      "lease_id": "lea_1",
      "message": "claimed session.prompt"
    }
  ]
}
`);
  });

  it('the sign-in file is private, also when an older client left it open', async () => {
    using desk = new Desk();
    desk.signIn('http://127.0.0.1:1');
    const path = join(desk.userFolder, 'remote-session.json');
    chmodSync(path, 0o644);
    await desk.orp(['link', 'status']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o644);
    await updateRemoteSession(desk.env, { email: 'other@example.test' });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(Object.keys(desk.readJson(path))).toEqual([
      'base_url',
      'email',
      'token',
      'user',
      'pending_verification',
    ]);
  });
});

describe('reading what others wrote', () => {
  const anyRecord = fc.dictionary(
    fc.constantFrom(
      ...'schema_version idea_id ideaId project_root projectRoot linked_at_utc linkedAt idea_title world_id name'.split(
        ' ',
      ),
      ...'github_url notes source orp_session_id sessionId label state created_at_utc archived primary role'.split(
        ' ',
      ),
      ...'codex_session_id terminal_target machine_id machine_name platform runner_enabled status active_job'.split(
        ' ',
      ),
      ...'last_job recent_events updated_at_utc last_active_at_utc lastSyncAt unknown'.split(' '),
    ),
    fc.oneof(
      fc.string(),
      fc.constantFrom(
        null,
        true,
        0,
        12,
        'active',
        'running',
        'cli',
        '2026-04-01T10:00:00+02:00',
        {},
        [],
        [1],
      ),
      fc.constant({ job_id: 'j', claimed_at_utc: 'nonsense', window_id: 1, tab_number: '2', x: 1 }),
    ),
  );
  const defaults = { root: '/repo', now: T0 };
  /** Records keep unknown fields, and the record of a link has no field `source`. */
  const withoutSource = (schema: typeof linkProjectSchema | typeof linkSessionSchema) => {
    const { source: _, ...fields } = schema.shape;
    return z.object(fields);
  };

  it('whatever a file contains, the record is valid or absent', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const link = normaliseProjectLink(record, defaults);
        if (link) withoutSource(linkProjectSchema).parse(link);
        const session = normaliseSession(record, defaults);
        if (session) withoutSource(linkSessionSchema).parse(session);
        const machine = normaliseMachine(record);
        if (machine) runnerMachineSchema.parse(machine);
        runnerRuntimeSchema.parse(normaliseRuntime(record));
      }),
    );
  });

  it('null is absent, never the text None', () => {
    const session = normaliseSession(
      { orp_session_id: null, session_id: 's', label: 'L', codex_session_id: null, notes: null },
      defaults,
    );
    expect(session).toMatchObject({ orp_session_id: 's' });
    expect(session).not.toHaveProperty('codex_session_id');
  });

  it('credentials in a stored address are left behind', () => {
    const link = normaliseProjectLink(
      { idea_id: 'i', github_url: 'https://mira:ghp_secret@github.com/mira/survey.git' },
      defaults,
    );
    expect(link?.github_url).toBe('https://github.com/mira/survey.git');
  });

  it.each([
    ['2026-04-01T10:00:00Z', '2026-04-01T10:00:00Z'],
    ['2026-04-01T10:00:00.999Z', '2026-04-01T10:00:00Z'],
    ['2026-04-01T12:00:00+02:00', '2026-04-01T10:00:00Z'],
    ['2026-04-01T12:00:00+0200', '2026-04-01T10:00:00Z'],
    ['2026-04-01T10:00:00', '2026-04-01T10:00:00Z'],
    ['2026-04-01', '2026-04-01T00:00:00Z'],
    ['2026-13-01T10:00:00Z', undefined],
    ['yesterday', undefined],
  ])('the timestamp %s is read as %s', (text, expected) => {
    const at = parseTimestamp(text);
    expect(at === undefined ? undefined : formatTimestamp(at)).toBe(expected);
  });
});

describe('torn files', () => {
  it('a torn file is set aside when it is written, and the new one is whole', () => {
    using desk = new Desk();
    const path = join(desk.home, 'x', 'state.json');
    desk.write(path, '{"half": ');
    writeJsonFile(path, { a: 1 }, { now: T0 });
    expect(readJsonFile(path)).toEqual({ kind: 'read', value: { a: 1 } });
    const [kept] = readdirSync(join(desk.home, 'x')).filter((name) => name.includes('.torn-'));
    expect(kept).toBe('state.json.torn-2026-04-01T10-00-00-000Z');
    expect(desk.read(join(desk.home, 'x', kept ?? ''))).toBe('{"half": ');
  });

  it('a torn runtime reads as idle, is told by status and doctor, and is kept when the next job is claimed', async () => {
    using desk = new Desk();
    const repository = requireGit(await resolveRepo(desk.repo, desk.env));
    desk.write(runtimePath(repository), '[]');
    expect(readRuntime(repository)).toMatchObject({ isTorn: true, runtime: { status: 'idle' } });
    expect((await desk.json('runner', 'status')).warnings).toContainEqual(expect.stringContaining('runtime'));
    const doctor = await desk.json('link', 'doctor');
    expect(doctor.issues).toContainEqual(expect.objectContaining({ code: 'invalid_runtime_record' }));
    await recordClaim(repository, { job_id: 'job_1' }, T0);
    expect(readdirSync(desk.link).filter((name) => name.startsWith('runtime.json.torn-'))).toHaveLength(1);
  });

  it('a corrupt governance file is a warning and stops nothing', async () => {
    using desk = new Desk();
    desk.write(join(desk.repo, 'orp', 'state.json'), '{oops');
    for (const words of [
      ['link', 'status'],
      ['runner', 'status'],
      ['link', 'doctor'],
    ]) {
      expect((await desk.orp(words)).code).toBe(0);
    }
    expect((await desk.json('link', 'status')).warnings).toContainEqual(
      expect.stringContaining('orp/state.json'),
    );
  });
});

describe('the runtime', () => {
  const work = { job_id: 'job_1', lease_id: 'lea_1', job_kind: 'session.prompt' };
  const fence = { jobId: 'job_1', leaseId: 'lea_1' };

  it('goes from claim over start and heartbeat to the last job', async () => {
    using desk = new Desk();
    const repository = requireGit(await resolveRepo(desk.repo, desk.env));
    await recordClaim(repository, work, T0);
    await recordStart(repository, { ...fence, orpSessionId: 'main', codexSessionId: 'c-1' }, T0 + SECOND);
    await recordHeartbeat(repository, { ...fence, leaseExpiresAt: T0 + 120 * SECOND }, T0 + 20 * SECOND);
    const { runtime } = await recordFinish(
      repository,
      { ...fence, status: 'completed', summary: 'done' },
      T0 + 30 * SECOND,
    );
    expect(runtime).toMatchObject({ status: 'idle', active_job: {} });
    expect(runtime.last_job).toEqual({
      ...work,
      project_root: desk.repo,
      repo_root: desk.repo,
      orp_session_id: 'main',
      codex_session_id: 'c-1',
      status: 'completed',
      summary: 'done',
      claimed_at_utc: '2026-04-01T10:00:00Z',
      started_at_utc: '2026-04-01T10:00:01Z',
      last_heartbeat_at_utc: '2026-04-01T10:00:20Z',
      lease_expires_at_utc: '2026-04-01T10:02:00Z',
      finished_at_utc: '2026-04-01T10:00:30Z',
    });
    expect(runtime.recent_events.map((event) => event.status)).toEqual([
      'claimed',
      'running',
      'heartbeat',
      'completed',
    ]);
  });

  it('a late move of another lease, or after the end, changes nothing', async () => {
    using desk = new Desk();
    const repository = requireGit(await resolveRepo(desk.repo, desk.env));
    await recordClaim(repository, work, T0);
    const late = await recordHeartbeat(repository, { ...fence, leaseId: 'lea_0' }, T0);
    expect(late.isApplied).toBe(false);
    await recordFinish(repository, { ...fence, status: 'failed', error: 'boom' }, T0);
    const after = await recordHeartbeat(repository, fence, T0);
    expect(after).toMatchObject({ isApplied: false, runtime: { status: 'idle', active_job: {} } });
  });

  it('keeps the last 25 events', async () => {
    using desk = new Desk();
    const repository = requireGit(await resolveRepo(desk.repo, desk.env));
    for (let beat = 0; beat < 30; beat += 1) await recordClaim(repository, { job_id: `job_${beat}` }, T0);
    const { recent_events: events } = readRuntime(repository).runtime;
    expect(events).toHaveLength(25);
    expect(events.at(-1)?.job_id).toBe('job_29');
  });

  it.each([
    [119, false],
    [120, true],
  ])('an active job silent for %i s: stale is %s', (seconds, stale) => {
    const runtime = normaliseRuntime({
      status: 'running',
      active_job: { job_id: 'j', last_heartbeat_at_utc: formatTimestamp(T0) },
    });
    expect(activeLease(runtime, undefined, T0 + seconds * SECOND)).toEqual({
      has_active_job: true,
      stale,
      age_seconds: seconds,
    });
  });
});
