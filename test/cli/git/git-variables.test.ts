import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveRepo } from '../../../cli/git/repository.ts';
import { takenOrder } from '../a-job.ts';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';

/** A second repository beside that of the desk, linked to another idea. */
function makeOther(desk: Desk): string {
  const other = join(desk.home, 'other');
  mkdirSync(other);
  desk.git('init', '-q', '-b', 'main', other);
  const link = {
    schema_version: '1.0.0',
    idea_id: 'ide_other',
    project_root: other,
    linked_at_utc: '2026-04-01T10:00:00Z',
  };
  desk.write(join(other, '.git', 'orp', 'link', 'project.json'), JSON.stringify(link));
  return other;
}

/** What git exports to its hooks, and what changes where git looks; each would make it answer for the other repository. */
const FOREIGN: [string, (other: string) => NodeJS.ProcessEnv][] = [
  ['GIT_DIR', (other) => ({ GIT_DIR: join(other, '.git') })],
  ['GIT_DIR and GIT_WORK_TREE', (other) => ({ GIT_DIR: join(other, '.git'), GIT_WORK_TREE: other })],
  [
    'GIT_DIR and GIT_COMMON_DIR',
    (other) => ({ GIT_DIR: join(other, '.git'), GIT_COMMON_DIR: join(other, '.git') }),
  ],
];
const SUBMIT = ['job', 'submit', 'Count the gauges.'];

describe('variables of git that name another repository', () => {
  it.each(FOREIGN)('do not count when --repo-root names one: %s', async (_, make) => {
    await using server = await RecordingServer.startNewest(takenOrder);
    using desk = new Desk();
    desk.signIn(server.url);
    desk.linkTo('ide_here');
    Object.assign(desk.env, make(makeOther(desk)));
    const { code, error } = await desk.orp(['--repo-root', desk.repo, ...SUBMIT]);
    expect(error).toBeUndefined();
    expect(code).toBe(0);
    expect(server.asked.map(({ body }) => body)).toMatchObject([
      { ideaId: 'ide_here', projectRoot: desk.repo },
    ]);
  });

  it.each(FOREIGN)(
    'are refused where no repository is named, before anything is sent: %s',
    async (_, make) => {
      await using server = await RecordingServer.startNewest(takenOrder);
      using desk = new Desk();
      desk.signIn(server.url);
      desk.linkTo('ide_here');
      const variables = make(makeOther(desk));
      Object.assign(desk.env, variables);
      const commands = [
        SUBMIT,
        ['link', 'status'],
        ['link', 'project', 'bind', '--idea-id', 'ide_here'],
        ['runner', 'sync'],
        ['runner', 'work', '--once'],
        ['runner', 'cancel'],
        ['agent', 'work', '--once'],
      ];
      for (const words of commands) {
        const { code, error } = await desk.orp(words);
        expect({ words, code, error: error?.code }).toEqual({ words, code: 2, error: 'repository_conflict' });
        for (const name of Object.keys(variables)) expect(error?.message).toContain(name);
        expect(error?.message).toMatch(
          /^git uses (no repository|the repository \/.+) because of .+ in the environment, but the current directory \/.+ is in /,
        );
        expect(error?.hint).toContain('--repo-root');
      }
      expect(server.asked).toEqual([]);
    },
  );

  it('are refused where the current directory is in no repository, and where they hide the one it is in', async () => {
    using desk = new Desk();
    mkdirSync(join(desk.repo, 'deep'));
    const words = ['link', 'status'];
    Object.assign(desk.env, { GIT_WORK_TREE: '/', GIT_DIR: join(makeOther(desk), '.git') });
    expect((await desk.orp(words)).error?.message).toContain('is in the repository');
    using bare = new Desk();
    Object.assign(bare.env, { GIT_CEILING_DIRECTORIES: bare.home, GIT_DIR: '/nowhere' });
    expect((await bare.orp(words)).error?.message).toContain('no repository');
  });

  it('change nothing where they agree with the current directory, as in a hook of the same repository', async () => {
    using desk = new Desk();
    Object.assign(desk.env, {
      GIT_DIR: '.git',
      GIT_INDEX_FILE: '.git/index',
      GIT_PREFIX: '',
      GIT_WORK_TREE: '.',
    });
    desk.env.GIT_DIR = join(desk.repo, '.git');
    desk.env.GIT_WORK_TREE = desk.repo;
    expect(await desk.json('link', 'status')).toMatchObject({ repo_root: desk.repo });
  });

  it('do not prevent a command that needs no repository', async () => {
    await using server = await RecordingServer.start(() => ({ body: { ok: true, ideas: [] } }));
    using desk = new Desk();
    desk.signIn(server.url);
    desk.env.GIT_DIR = join(makeOther(desk), '.git');
    expect((await desk.orp(['ideas', 'list'])).code).toBe(0);
  });

  it('mislead neither a search by git nor the report about a repository', async () => {
    using desk = new Desk();
    const other = makeOther(desk);
    desk.git('symbolic-ref', 'HEAD', 'refs/heads/gauges');
    // Settings that include others are not plain: git is asked.
    desk.git('config', 'include.path', 'more');
    const env = {
      ...desk.env,
      GIT_DIR: join(other, '.git'),
      GIT_INDEX_FILE: '/nowhere',
      GIT_CONFIG: '/nowhere',
    };
    expect((await resolveRepo(desk.repo, env)).gitDir).toBe(join(desk.repo, '.git'));
    Object.assign(desk.env, env);
    const { stdout } = await desk.orp(['--repo-root', desk.repo, 'link', 'status', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ governance: { git: { branch: 'gauges' } } });
  });
});
