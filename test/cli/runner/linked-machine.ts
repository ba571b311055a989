/** A machine with one linked repository, in a temporary folder: everything that `orp runner work` needs to be there. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sessionFileName } from '../../../cli/records/sessions/sessions.ts';

const T0 = '2026-04-01T10:00:00Z';

export interface LinkedMachine {
  home: string;
  repo: string;
  env: NodeJS.ProcessEnv;
  /** Adds or changes a session. */
  setSession(id: string, overrides?: object): void;
  remove(): void;
}

/** Makes the machine, signed in to the service at `baseUrl`. */
export function linkedMachine(baseUrl: string): LinkedMachine {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'orp-machine-')));
  const repo = join(home, 'repo');
  const config = join(home, 'config');
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    HOME: home,
    XDG_CONFIG_HOME: config,
    XDG_STATE_HOME: join(home, 'state'),
    TMPDIR: join(home, 'tmp'),
    GIT_CONFIG_NOSYSTEM: '1',
  };
  mkdirSync(join(home, 'tmp'));
  mkdirSync(join(config, 'orp'), { recursive: true });
  mkdirSync(repo);
  execFileSync('git', ['init', '-q', repo], { env });
  const link = join(repo, '.git', 'orp', 'link');
  mkdirSync(join(link, 'sessions'), { recursive: true });
  write(join(config, 'orp', 'remote-session.json'), {
    base_url: baseUrl,
    email: 'mira@example.org',
    token: 'dvt_test-token-of-this-machine',
    user: null,
    pending_verification: null,
  });
  write(join(config, 'orp', 'machine.json'), {
    schema_version: '1.0.0',
    machine_id: 'mach-1',
    machine_name: 'workbench',
    platform: 'linux',
    runner_enabled: true,
  });
  write(join(link, 'project.json'), {
    schema_version: '1.0.0',
    idea_id: 'ide_1',
    project_root: repo,
    linked_at_utc: T0,
    source: 'cli',
  });
  const setSession = (id: string, overrides: object = {}) =>
    write(join(link, 'sessions', sessionFileName(id)), {
      schema_version: '1.0.0',
      orp_session_id: id,
      label: `Label of ${id}`,
      state: 'active',
      project_root: repo,
      created_at_utc: T0,
      last_active_at_utc: T0,
      archived: false,
      primary: id === 'orp-main',
      source: 'cli',
      codex_session_id: 'codex-1',
      ...overrides,
    });
  setSession('orp-main');
  return { home, repo, env, setSession, remove: () => rmSync(home, { recursive: true, force: true }) };
}

function write(path: string, value: object): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
}
