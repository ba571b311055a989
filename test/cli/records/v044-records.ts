/** Records as v0.4.4 and its predecessors write them, the command that changes each, and the record afterwards. */

import { join } from 'node:path';
import { sessionFileName } from '../../../cli/records/sessions/sessions.ts';
import type { Desk } from '../desk.ts';

const NOW = '2026-04-01T10:00:00Z';
export const USER = { id: 'usr_1', email: 'mira@example.test', name: 'Mira' };

/** The bytes of Python's `json.dumps(value, indent=2)` and a newline. */
export function python(value: unknown): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${JSON.stringify(value, null, 2).replace(/[^ -~\n]/g, escaped)}\n`;
}

export interface Case {
  schema: string;
  /** The path of the file. */
  file: (desk: Desk) => string;
  /** What the file contains before. */
  given: (desk: Desk) => string;
  command: string;
  /** The record afterwards, with its keys in order. */
  result: (desk: Desk) => object;
}

const machine = (desk: Desk) => join(desk.userFolder, 'machine.json');
const repoRunner = (desk: Desk) => join(desk.link, 'runner.json');
export const project = (desk: Desk) => join(desk.link, 'project.json');
export const runtime = (desk: Desk) => join(desk.link, 'runtime.json');
export const sessionFile = (id: string) => (desk: Desk) => join(desk.link, 'sessions', sessionFileName(id));

const MACHINE = {
  schema_version: '1.0.0',
  machine_id: '5d0b1c52-aaaa-4bbb-8ccc-0123456789ab',
  machine_name: 'Zoës Rechner 潮',
  platform: 'macos',
  app_version: '0.4.4',
  runner_enabled: true,
  linked_email: 'mira@example.test',
  last_heartbeat_at_utc: '2026-03-30T08:00:00Z',
  last_sync_at_utc: '2026-03-30T08:01:00Z',
};
const ODD_MACHINE = {
  machineId: ' m-1 ',
  machineName: null,
  machine_name: 'old box',
  platform: 'haiku',
  appVersion: '0.3.9',
  runnerEnabled: 'Yes',
  linkedEmail: ' ',
  lastHeartbeatAt: '2026-03-30T10:00:00.987+02:00',
  lastSyncAt: 'yesterday',
  favourite: 'tea',
};
const READ_ODD_MACHINE = {
  schema_version: '1.0.0',
  machine_id: 'm-1',
  machine_name: 'old box',
  platform: 'haiku',
  app_version: '0.3.9',
};
const LINK = {
  schema_version: '1.0.0',
  idea_id: 'ide_77',
  linked_at_utc: NOW,
  idea_title: 'Gezeiten – Übersicht',
  world_id: 'wor_3',
  world_name: 'survey',
};

const MACHINE_CASES: Record<string, Case> = {
  'a machine as v0.4.4 writes it': {
    schema: 'runner-machine',
    file: machine,
    given: () => python(MACHINE),
    command: 'runner disable',
    result: () => ({ ...MACHINE, runner_enabled: false }),
  },
  'a machine with camelCase, a word for true, an offset, a wrong time and a blank e-mail': {
    schema: 'runner-machine',
    file: machine,
    given: () => JSON.stringify(ODD_MACHINE),
    command: 'runner enable',
    result: () => ({
      ...READ_ODD_MACHINE,
      runner_enabled: true,
      linked_email: 'mira@example.test',
      last_heartbeat_at_utc: '2026-03-30T08:00:00Z',
    }),
  },
  'the copy of the machine in the repository, which is never read as the machine': {
    schema: 'runner-machine',
    file: repoRunner,
    given: (desk) => {
      desk.write(machine(desk), python(MACHINE));
      return python({ ...MACHINE, machine_id: 'of-another-computer', app_version: '0.1.0' });
    },
    command: 'runner heartbeat',
    result: () => ({ ...MACHINE, last_heartbeat_at_utc: NOW }),
  },
};

const PROJECT_CASES: Record<string, Case> = {
  'a link as v0.4.4 writes it, bound again: title and address stay, notes go': {
    schema: 'link-project',
    file: project,
    given: (desk) =>
      python({
        ...{ schema_version: '1.0.0', idea_id: 'ide_77', project_root: desk.repo },
        ...{ linked_at_utc: '2026-01-01T00:00:00Z', idea_title: 'Gezeiten – Übersicht', world_id: 'wor_1' },
        ...{ world_name: 'survey', github_url: 'https://github.com/mira/tides' },
        ...{ linked_email: 'noor@example.test', notes: 'by hand', source: 'rust-app' },
      }),
    command: 'link project bind --idea-id ide_77',
    result: (desk) => ({
      ...{ schema_version: '1.0.0', idea_id: 'ide_77', project_root: desk.repo, linked_at_utc: NOW },
      ...{ idea_title: 'Gezeiten – Übersicht', world_id: 'wor_3', world_name: 'survey' },
      ...{ github_url: 'https://github.com/mira/tides', linked_email: 'mira@example.test', source: 'cli' },
    }),
  },
  'a link with aliases, null, a strange source and a password in its address': {
    schema: 'link-project',
    file: project,
    given: () =>
      JSON.stringify({
        ...{ ideaId: 'ide_77', projectRoot: '.', linkedAt: '2026-01-01', ideaTitle: 'Gezeiten – Übersicht' },
        ...{ worldId: null, name: 'old name', githubUrl: 'https://mira:pw@github.com/mira/tides' },
        ...{ linkedEmail: 7, source: 'elsewhere', colour: 'blue' },
      }),
    command: 'link project bind --idea-id ide_77 --notes n',
    result: (desk) => {
      const { schema_version, idea_id, ...rest } = LINK;
      return {
        ...{ schema_version, idea_id, project_root: desk.repo, ...rest },
        ...{ github_url: 'https://github.com/mira/tides', linked_email: 'mira@example.test' },
        ...{ notes: 'n', source: 'cli' },
      };
    },
  },
};

const SESSION = {
  ...{ schema_version: '1.0.0', orp_session_id: 'main', label: 'Haupt – Ä', state: 'active' },
};
const SESSION_CASES: Record<string, Case> = {
  'a session as v0.4.4 writes it, rewritten because another becomes primary': {
    schema: 'link-session',
    file: sessionFile('main'),
    given: (desk) => {
      desk.write(
        sessionFile('other')(desk),
        python({ ...SESSION, orp_session_id: 'other', label: 'O', project_root: desk.repo }),
      );
      return python({
        ...SESSION,
        ...{ project_root: desk.repo, created_at_utc: '2026-01-01T00:00:00Z' },
        ...{ last_active_at_utc: '2026-02-01T00:00:00Z', archived: false, primary: true, source: 'cli' },
        ...{ codex_session_id: 'c-1', role: 'review', terminal_target: { window_id: 3, tab_number: 2 } },
        notes: 'line one\nline two',
      });
    },
    command: 'link session set-primary other',
    result: (desk) => ({
      ...SESSION,
      ...{ project_root: desk.repo, created_at_utc: '2026-01-01T00:00:00Z' },
      ...{ last_active_at_utc: '2026-02-01T00:00:00Z', archived: false, primary: false, source: 'cli' },
      ...{ codex_session_id: 'c-1', role: 'review', terminal_target: { window_id: 3, tab_number: 2 } },
      notes: 'line one\nline two',
    }),
  },
  'a session of the desktop app with aliases and odd values': {
    schema: 'link-session',
    file: sessionFile('main'),
    given: () =>
      JSON.stringify({
        ...{ sessionId: 'main', label: ' Haupt – Ä ', state: 'CLOSED', projectPath: '.', primary: '1' },
        ...{ createdAt: '2026-01-01T01:00:00+01:00', lastActiveAt: 'never', codexSessionId: null },
        ...{ source: 'elsewhere', role: 'boss', terminalTarget: { windowId: '3', tabNumber: 2 }, notes: ' ' },
        mood: 'good',
      }),
    command: 'link session set-primary main',
    result: (desk) => ({
      ...SESSION,
      state: 'closed',
      ...{ project_root: desk.repo, created_at_utc: '2026-01-01T00:00:00Z' },
      ...{ last_active_at_utc: '2026-01-01T00:00:00Z', archived: false, primary: true, source: 'cli' },
      terminal_target: { window_id: 3, tab_number: 2 },
    }),
  },
  'an archived session that claims to be primary, and half a terminal': {
    schema: 'link-session',
    file: sessionFile('main'),
    given: () =>
      JSON.stringify({
        ...{ orpSessionId: 'main', label: 'Haupt – Ä', archived: 'on', primary: true },
        ...{
          terminal_target: { window_id: 3 },
          created_at: '2026-01-01T00:00:00',
          last_active_at: '2026-01-02',
        },
      }),
    command: 'link session register --orp-session-id second --label Second',
    result: (desk) => ({
      ...SESSION,
      ...{ project_root: desk.repo, created_at_utc: '2026-01-01T00:00:00Z' },
      ...{ last_active_at_utc: '2026-01-02T00:00:00Z', archived: true, primary: false },
    }),
  },
};

const ACTIVE = {
  ...{ job_id: 'job_1', job_kind: 'idea.checkpoint', lease_id: 'lea_1', checkpoint_id: 'chk_1' },
  ...{ idea_id: 'ide_77', world_id: 'wor_3', project_root: '/srv/a', repo_root: '/srv/b' },
  ...{ orp_session_id: 'main', codex_session_id: 'c-1', status: 'running' },
};
const TIMES = {
  ...{ claimed_at_utc: '2026-04-01T09:00:00Z', started_at_utc: '2026-04-01T09:00:01Z' },
  ...{ last_heartbeat_at_utc: '2026-04-01T09:00:20Z', lease_expires_at_utc: '2026-04-01T09:02:00Z' },
};
const beat = (at: number) => ({
  ...{ timestamp_utc: `2026-04-01T09:00:${String(at).padStart(2, '0')}Z`, status: 'heartbeat' },
  ...{ job_id: 'job_1', lease_id: 'lea_1', message: 'heartbeat' },
});
const BEATS = Array.from({ length: 25 }, (_, at) => beat(at));
const FINISH = {
  ...{ timestamp_utc: NOW, status: 'cancelled', job_id: 'job_1', lease_id: 'lea_1' },
  message: 'job cancelled',
};

const RUNTIME_CASES: Record<string, Case> = {
  'a runtime as v0.4.4 writes it, with the most events that it keeps': {
    schema: 'runner-runtime',
    file: runtime,
    given: () =>
      python({
        ...{ schema_version: '1.0.0', status: 'running', updated_at_utc: '2026-04-01T09:00:20Z' },
        ...{ active_job: { ...ACTIVE, ...TIMES }, last_job: {}, recent_events: BEATS },
      }),
    command: 'runner cancel',
    result: () => ({
      ...{ schema_version: '1.0.0', status: 'idle', updated_at_utc: NOW, active_job: {} },
      last_job: { ...ACTIVE, status: 'cancelled', ...TIMES, finished_at_utc: NOW },
      recent_events: [...BEATS.slice(1), FINISH],
    }),
  },
  'a runtime with aliases, more events than it keeps, an unknown status and unknown keys': {
    schema: 'runner-runtime',
    file: runtime,
    given: () =>
      JSON.stringify({
        ...{ status: 'dreaming', activeJob: { lease_id: 'lea_1', job_id: 'job_1', summary: null, x: 1 } },
        ...{ lastJob: 'none', recentEvents: [beat(58), ...BEATS, 7, { status: 'strange', y: 2 }], z: 3 },
      }),
    command: 'runner cancel',
    result: () => ({
      ...{ schema_version: '1.0.0', status: 'idle', updated_at_utc: NOW, active_job: {} },
      last_job: { job_id: 'job_1', lease_id: 'lea_1', status: 'cancelled', finished_at_utc: NOW },
      recent_events: [...BEATS.slice(3), {}, { status: 'strange' }, FINISH],
    }),
  },
};

export const CASES = { ...MACHINE_CASES, ...PROJECT_CASES, ...SESSION_CASES, ...RUNTIME_CASES };
