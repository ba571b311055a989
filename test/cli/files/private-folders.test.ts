import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { agentEnvironment } from '../../../cli/agents/agent-environment.ts';
import { homeOf, stateFolder, userFolder } from '../../../cli/files/paths.ts';
import { makeFolder } from '../../../cli/files/private-folder.ts';
import { servicePath } from '../../../cli/service/service-place.ts';
import { planService } from '../../../cli/service/service-plan.ts';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';

const HOME = userInfo().homedir;
const NOT_ABSOLUTE = ['', '  ', '.', 'here', './here'];

describe('a folder that the environment names', () => {
  it.each(NOT_ABSOLUTE)(
    'counts only when it is absolute: HOME=%j stands for the home that the system knows',
    (home) => {
      const env = { HOME: home };
      expect(userFolder(env)).toBe(join(HOME, '.config', 'orp'));
      expect(stateFolder(env)).toBe(join(HOME, '.local', 'state', 'orp'));
      expect(servicePath(env, 'darwin')).toBe(join(HOME, 'Library', 'LaunchAgents', 'orp.runner.plist'));
      expect(servicePath(env, 'linux')).toBe(join(HOME, '.config', 'systemd', 'user', 'orp-runner.service'));
      expect(agentEnvironment(env, '/work')).toEqual({ HOME, PWD: '/work' });
    },
  );

  it.each(NOT_ABSOLUTE)(
    'counts only when it is absolute: XDG_CONFIG_HOME and XDG_STATE_HOME are not %j',
    (folder) => {
      const env = { HOME: '/home/mira', XDG_CONFIG_HOME: folder, XDG_STATE_HOME: folder };
      expect(userFolder(env)).toBe('/home/mira/.config/orp');
      expect(stateFolder(env)).toBe('/home/mira/.local/state/orp');
      expect(servicePath(env, 'linux')).toBe('/home/mira/.config/systemd/user/orp-runner.service');
    },
  );

  it('may begin with the home folder', () => {
    const env = { HOME: '/home/mira', XDG_CONFIG_HOME: '~/settings', XDG_STATE_HOME: ' ~/state ' };
    expect(userFolder(env)).toBe('/home/mira/settings/orp');
    expect(stateFolder(env)).toBe('/home/mira/state/orp');
    expect(homeOf(env)).toBe('/home/mira');
  });

  it('is not handed on to an agent, or to a service, when it would mean another folder there', () => {
    const env = {
      HOME: '/home/mira',
      CODEX_HOME: 'codex',
      TMPDIR: '.',
      XDG_CACHE_HOME: '~/cache',
      PATH: '/usr/bin',
    };
    expect(agentEnvironment(env, '/work')).toEqual({
      HOME: '/home/mira',
      XDG_CACHE_HOME: '/home/mira/cache',
      PATH: '/usr/bin',
      PWD: '/work',
    });
    const { plan } = planService({
      env,
      node: process.execPath,
      script: '/opt/orp.js',
      words: [],
      repoRoot: undefined,
    });
    expect(plan.environment).not.toHaveProperty('CODEX_HOME');
    expect(plan.workingFolder).toBe('/home/mira');
  });

  it('never puts the sign-in into the current directory', async () => {
    await using server = await RecordingServer.start(() => ({
      body: { ok: true, token: 'dvt_secret', user: { id: 'usr_1', email: 'mira@example.test' } },
    }));
    using desk = new Desk();
    const cwd = process.cwd();
    process.chdir(desk.repo);
    try {
      // Only HOME is wrong; the rest of the settings stays inside the desk.
      Object.assign(desk.env, { HOME: '', XDG_CONFIG_HOME: join(desk.home, 'config') });
      const words = [
        'auth',
        'login',
        '--email',
        'mira@example.test',
        '--password-stdin',
        '--base-url',
        server.url,
      ];
      expect((await desk.orp(words, 'secret')).code).toBe(0);
      expect(readdirSync(desk.repo)).toEqual(['.git']);
    } finally {
      process.chdir(cwd);
    }
  });
});

/** Runs `work` under another umask, in a process of its own. */
function modesUnder(umask: string, path: string, base: string): string[] {
  const script = `
    import { makeFolder } from ${JSON.stringify(join(import.meta.dirname, '../../../cli/files/private-folder.ts'))};
    process.umask(0o${umask});
    makeFolder(${JSON.stringify(path)});`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const modes: string[] = [];
  for (let at = path; at !== base; at = join(at, '..')) modes.push((statSync(at).mode & 0o777).toString(8));
  return modes;
}

describe('a folder for settings, spool or state', () => {
  it.each(['000', '022', '077', '177', '777'])(
    'is 0700 with all that are made on the way to it, at umask %s',
    (umask) => {
      using desk = new Desk();
      expect(modesUnder(umask, join(desk.home, 'a', 'b', 'c'), desk.home)).toEqual(['700', '700', '700']);
    },
  );

  it('is unchanged if it already exists', () => {
    using desk = new Desk();
    const there = join(desk.home, 'there');
    mkdirSync(there);
    chmodSync(there, 0o755);
    makeFolder(join(there, 'new'));
    expect(statSync(there).mode & 0o777).toBe(0o755);
  });

  it('is private from the first command on', async () => {
    await using server = await RecordingServer.start(({ body }) => ({
      body: { ok: true, world: { id: 'wor_1', status: 'active', ...(body as object) } },
    }));
    using desk = new Desk();
    const before = process.umask(0);
    try {
      desk.signIn(server.url);
      await desk.json('runner', 'enable');
      await desk.json('link', 'project', 'bind', '--idea-id', 'ide_1');
      await desk.json('link', 'session', 'register', '--orp-session-id', 'main', '--label', 'Main');
    } finally {
      process.umask(before);
    }
    const made = [desk.userFolder, desk.link, join(desk.link, 'sessions'), join(desk.home, 'state', 'orp')];
    for (const folder of made) {
      expect({ folder, exists: existsSync(folder), mode: statSync(folder).mode & 0o777 }).toEqual({
        folder,
        exists: true,
        mode: 0o700,
      });
    }
  });

  it.each([
    ['config', 0o755, 'access'],
    ['config', 0o777, 'write to'],
    ['state', 0o710, 'access'],
  ])('is named by status and doctor when it is open: %s with mode %o', async (name, mode, what) => {
    using desk = new Desk();
    const folder = join(desk.home, name, 'orp');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    expect(JSON.stringify(await desk.json('link', 'status'))).not.toContain('Other users');
    chmodSync(folder, mode);
    const sentence = `Other users of this computer can ${what} ${folder}, which contains your sign-in or your work.`;
    for (const words of [
      ['link', 'status'],
      ['runner', 'status'],
    ]) {
      const { warnings, next_actions } = await desk.json(...words);
      expect(warnings).toContain(sentence);
      expect(next_actions).toContain(`chmod 700 ${folder}`);
    }
    const { issues } = await desk.json('link', 'doctor');
    expect(issues).toContainEqual({
      severity: 'warning',
      code: 'folder_open_to_others',
      message: `${sentence} Run \`chmod 700 ${folder}\`.`,
      fixable: false,
      remedy: '`orp link doctor --fix` makes it private.',
      fix: true,
      path: folder,
    });
  });
});
