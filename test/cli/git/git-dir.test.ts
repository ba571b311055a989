import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { git } from '../../../cli/git/git.ts';
import { findPlainGitDir } from '../../../cli/git/git-dir.ts';
import { requireGit, resolveRepo } from '../../../cli/git/repository.ts';
import { readGitFacts } from '../../../cli/status/governance-git.ts';

let home: string;
let repo: string;
const env = { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };

function run(cwd: string, ...words: string[]): void {
  const identity = ['-c', 'user.name=Mira', '-c', 'user.email=mira@example.test'];
  execFileSync('git', [...identity, '-c', 'protocol.file.allow=always', ...words], {
    cwd,
    env,
    stdio: 'pipe',
  });
}

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'orp-git-dir-')));
  repo = join(home, 'repo');
  mkdirSync(join(repo, 'deep', 'er'), { recursive: true });
  run(repo, 'init', '-q', '-b', 'main');
  run(repo, 'commit', '-q', '--allow-empty', '-m', 'first');
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

/** What git says, in the form of ours. */
async function gitSays(folder: string): Promise<string | undefined> {
  const answer = await git(folder, env, 'rev-parse', '--is-inside-work-tree', '--absolute-git-dir');
  const [isInside, gitDir] = answer.kind === 'ok' ? answer.text.split('\n') : [];
  return isInside === 'true' ? gitDir : undefined;
}

describe('the git dir of a folder', () => {
  const places: [string, () => string][] = [
    ['a repository', () => repo],
    ['a folder in it', () => join(repo, 'deep', 'er')],
    [
      'a linked work tree',
      () => {
        run(repo, 'worktree', 'add', '-q', join(home, 'tree'));
        return join(home, 'tree');
      },
    ],
    [
      'a separate git dir',
      () => {
        run(home, 'init', '-q', '--separate-git-dir', join(home, 'elsewhere'), join(home, 'apart'));
        return join(home, 'apart');
      },
    ],
  ];

  it.each(places)('of %s is found without git, and is what git says', async (_, make) => {
    const folder = make();
    expect(findPlainGitDir(folder, env)).toBe(await gitSays(folder));
    expect((await resolveRepo(folder, { ...env, PATH: '/nonexistent' })).gitDir).toBe(await gitSays(folder));
  });

  const left: [string, () => string][] = [
    ['no repository', () => home],
    ['the inside of a git dir', () => join(repo, '.git')],
    [
      'a bare repository',
      () => {
        run(home, 'init', '-q', '--bare', 'bare.git');
        return join(home, 'bare.git');
      },
    ],
    [
      'a submodule',
      () => {
        run(repo, 'submodule', 'add', '-q', repo, 'sub');
        return join(repo, 'sub');
      },
    ],
    [
      'a broken .git file',
      () => {
        mkdirSync(join(home, 'broken'));
        writeFileSync(join(home, 'broken', '.git'), 'gitdir: /nowhere\n');
        return join(home, 'broken');
      },
    ],
    [
      'a work tree that is elsewhere',
      () => {
        run(repo, 'config', 'core.worktree', join(repo, 'deep'));
        return join(repo, 'deep');
      },
    ],
    [
      'a repository that calls itself bare',
      () => {
        run(repo, 'config', 'core.bare', 'true');
        return repo;
      },
    ],
  ];

  it.each(left)('of %s is left to git', async (_, make) => {
    const folder = make();
    expect(findPlainGitDir(folder, env)).toBeUndefined();
    expect((await resolveRepo(folder, env)).gitDir).toBe(await gitSays(folder));
  });

  it('is left to git when the environment changes what git trusts', () => {
    expect(findPlainGitDir(repo, { ...env, GIT_CONFIG_COUNT: '0' })).toBeUndefined();
  });

  it('is found through a symlink to the folder', async () => {
    symlinkSync(repo, join(home, 'alias'));
    expect((await resolveRepo(join(home, 'alias', 'deep'), env)).gitDir).toBe(join(repo, '.git'));
  });
});

describe('the remotes of a repository', () => {
  it.each([
    ['plain', ['remote', 'add', 'origin', 'https://mira:secret@github.com/mira/tides.git']],
    ['quoted', ['config', 'remote.origin.url', 'https://mira:secret@github.com/mira/tides.git#"x']],
  ])('are read from %s settings, without credentials', async (_, words) => {
    run(repo, ...words);
    const facts = await readGitFacts(requireGit(await resolveRepo(repo, env)), env);
    expect(facts).toMatchObject({ remoteName: 'origin', branch: 'main', hasCommits: true });
    expect(facts.remoteUrl).toMatch(/^https:\/\/github\.com\/mira\/tides\.git/);
  });
});
