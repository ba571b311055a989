/** Every form of repository and folder in which a person may run `orp`, and what they see there. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';
import { MAIN } from '../runner/orp-process.ts';

const REGISTER = ['link', 'session', 'register', '--orp-session-id', 'main', '--label', 'Main'];

/** Runs git with an identity. */
function git(desk: Desk, cwd: string, ...words: string[]): void {
  const settings = ['user.name=Mira', 'user.email=mira@example.test', 'protocol.file.allow=always'];
  execFileSync('git', [...settings.flatMap((one) => ['-c', one]), ...words], {
    cwd,
    env: desk.env,
    stdio: 'pipe',
  });
}

/** Makes a folder, goes there, and returns where its link state is to be. */
type Form = (desk: Desk) => { folder: string; link: string };

const FORMS: Record<string, Form> = {
  'a repository': (desk) => ({ folder: desk.repo, link: desk.link }),
  'a folder in a repository, which shares its link': (desk) => {
    const folder = join(desk.repo, 'deep', 'er');
    mkdirSync(folder, { recursive: true });
    return { folder, link: desk.link };
  },
  'a linked work tree, which has its own link': (desk) => {
    git(desk, desk.repo, 'commit', '-q', '--allow-empty', '-m', 'first');
    git(desk, desk.repo, 'worktree', 'add', '-q', join(desk.home, 'tree'));
    return { folder: join(desk.home, 'tree'), link: join(desk.repo, '.git/worktrees/tree/orp/link') };
  },
  'a submodule': (desk) => {
    git(desk, desk.repo, 'commit', '-q', '--allow-empty', '-m', 'first');
    const outer = join(desk.home, 'outer');
    mkdirSync(outer);
    git(desk, outer, 'init', '-q');
    git(desk, outer, 'submodule', 'add', '-q', desk.repo, 'inner');
    return { folder: join(outer, 'inner'), link: join(outer, '.git/modules/inner/orp/link') };
  },
  'a path with spaces and letters of many scripts': (desk) => {
    const folder = join(desk.home, 'Mes projets – 潮汐 é "quoted"');
    mkdirSync(folder);
    git(desk, folder, 'init', '-q');
    return { folder, link: join(folder, '.git/orp/link') };
  },
};

describe.each(Object.entries(FORMS))('%s', (_name, make) => {
  it('is linked, shown and checked, with its state in its own git folder', async () => {
    await using server = await RecordingServer.start(() => ({
      body: { ok: true, world: { id: 'wor_1', name: 'w' } },
    }));
    using desk = new Desk();
    desk.signIn(server.url);
    const { folder, link } = make(desk);
    const at = ['--repo-root', folder];
    await desk.json(...at, ...REGISTER, '--codex-session-id', 'c-1');
    const bound = await desk.json(...at, 'link', 'project', 'bind', '--idea-id', 'ide_1');
    expect(bound.project_link).toMatchObject({ project_root: folder });
    expect(desk.readJson(join(link, 'project.json'))).toMatchObject({ project_root: folder });
    const status = await desk.json(...at, 'link', 'status');
    expect(status).toMatchObject({
      repo_root: folder,
      routing_ready: true,
      primary_session: { project_root: folder },
    });
    // Inside the folder the path is relative, elsewhere absolute.
    const path = join(link, 'project.json');
    const shown = path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
    expect(status.project_link_path).toBe(shown);
    const codes = ((await desk.json(...at, 'link', 'doctor')).issues as { code: string }[]).map(
      ({ code }) => code,
    );
    expect(codes).toEqual([]);
    const sync = await desk.json(...at, 'runner', 'enable').then(() => desk.json(...at, 'runner', 'sync'));
    expect(sync.included_project_roots).toEqual([folder]);
  });
});

describe.each([
  ['a bare repository', 'bare'],
  ['the inside of a git folder', '.git'],
  ['a folder without a repository', 'plain'],
  ['a folder that does not exist', 'nowhere'],
])('%s', (_name, kind) => {
  it('reads as unlinked, and refuses to write with the folder and what to do', async () => {
    using desk = new Desk();
    const folder = kind === '.git' ? join(desk.repo, '.git') : join(desk.home, kind);
    if (kind === 'bare') git(desk, desk.home, 'init', '-q', '--bare', folder);
    if (kind === 'plain') mkdirSync(folder);
    const at = ['--repo-root', folder];
    const status = await desk.json(...at, 'link', 'status');
    expect(status).toMatchObject({ project_link_exists: false, sessions: [], routing_ready: false });
    const issues = JSON.parse((await desk.orp([...at, 'link', 'doctor', '--json'])).stdout).issues;
    expect(issues[0]).toMatchObject({
      code: 'missing_git_repo',
      message: `${folder} is not inside a git work tree.`,
    });
    const { code, stdout, error } = await desk.orp([...at, ...REGISTER]);
    expect([code, stdout, error?.code]).toEqual([2, '', 'no_git_repository']);
    expect(error?.message).toContain(folder);
    expect(error?.hint).toBeTruthy();
  });
});

/** Runs commands where `home` is mounted read-only. Returns undefined if this machine does not let tests mount. */
function onReadOnlyDisk(desk: Desk, words: readonly string[]) {
  const mount = `mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && cd "$2" && shift 2 && exec "$@"`;
  const argv = ['-rm', 'sh', '-c', mount, 'sh', desk.home, desk.repo, process.execPath, MAIN, ...words];
  const { status, stdout, stderr } = spawnSync('unshare', argv, { env: desk.env, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

const canMount =
  process.platform === 'linux' &&
  spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs tmpfs /tmp && mount -o remount,ro /tmp'])
    .status === 0;

describe.runIf(canMount)('a home folder on a read-only disk', () => {
  async function linked() {
    const desk = new Desk();
    desk.signIn('http://127.0.0.1:1');
    desk.linkTo('ide_1');
    await desk.json(...REGISTER, '--codex-session-id', 'c-1');
    await desk.json('runner', 'enable');
    return desk;
  }

  it.each([
    'link status',
    'link session list',
    'link project show',
    'runner status',
    'status',
    'link session discover',
  ])('`orp %s` shows everything', async (command) => {
    using desk = await linked();
    const { code, stderr } = onReadOnlyDisk(desk, command.split(' '));
    expect([code, stderr]).toEqual([0, '']);
  });

  it('`orp runner status` shows the machine, also without the second copy of its id', async () => {
    using desk = await linked();
    desk.write(join(desk.userFolder, 'machine.json'), '{"machine_id":"m-1","runner_enabled":true}');
    const { code, stdout } = onReadOnlyDisk(desk, ['runner', 'status', '--json']);
    expect([code, JSON.parse(stdout).machine]).toMatchObject([
      0,
      { machine_id: 'm-1', runner_enabled: true },
    ]);
  });

  it.each(['runner disable', 'link project unbind', 'link session archive main', 'auth logout'])(
    '`orp %s` says that the disk is read-only, and what to do',
    async (command) => {
      using desk = await linked();
      const { code, stdout, stderr } = onReadOnlyDisk(desk, command.split(' '));
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(
        /^error: EROFS: read-only file system, .+\nhint: Make the folder writable\. .*XDG_CONFIG_HOME/m,
      );
    },
  );

  it('`orp link doctor` names the folders that cannot be written, once each, and repairs nothing', async () => {
    using desk = await linked();
    const { code, stdout } = onReadOnlyDisk(desk, ['link', 'doctor', '--fix', '--json']);
    const { issues, repaired } = JSON.parse(stdout);
    const blocked = issues.filter((issue: { code: string }) => issue.code === 'path_not_accessible');
    expect(blocked.map(({ message }: { message: string }) => message)).toEqual(
      [desk.userFolder, join(desk.home, 'state', 'orp'), desk.link].map(
        (path) => `You cannot write ${path}. Its disk is read-only.`,
      ),
    );
    expect([code, repaired]).toEqual([1, []]);
  });
});
