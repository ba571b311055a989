import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { linkedRootsPath } from '../../../cli/files/paths.ts';
import {
  findLinkedRoots,
  forgetRoots,
  readLinkedRoots,
  rememberRoot,
} from '../../../cli/records/linked-roots.ts';
import { Desk } from '../desk.ts';
import { type Asked, RecordingServer } from '../recording-server.ts';

/** A service that takes every binding. */
const accepting = ({ body }: Asked) => ({
  body: { ok: true, world: { id: 'wor_3', status: 'active', ...(body as object) } },
});

describe('the list of linked repositories', () => {
  it('is kept by bind, privately, and left by unbind', async () => {
    await using server = await RecordingServer.start(accepting);
    using desk = new Desk();
    desk.signIn(server.url);
    await desk.json('link', 'project', 'bind', '--idea-id', 'ide_77');
    await desk.json('link', 'project', 'bind', '--idea-id', 'ide_77');
    expect(desk.readJson(linkedRootsPath(desk.env))).toEqual({
      schema_version: '1.0.0',
      project_roots: [desk.repo],
    });
    expect(statSync(linkedRootsPath(desk.env)).mode & 0o777).toBe(0o600);
    await desk.json('link', 'project', 'unbind');
    expect(readLinkedRoots(desk.env)).toEqual([]);
  });

  it('does not keep a bind from working when it cannot be written', async () => {
    await using server = await RecordingServer.start(accepting);
    using desk = new Desk();
    desk.signIn(server.url);
    desk.write(join(desk.home, 'blocked'), '');
    desk.env.XDG_STATE_HOME = join(desk.home, 'blocked');
    const { code, stderr } = await desk.orp(['link', 'project', 'bind', '--idea-id', 'ide_77']);
    expect(code).toBe(0);
    expect(stderr).toContain('Could not update the list of linked repositories');
  });

  it('forgets what was deleted, and keeps what may be on a disk that is not mounted', async () => {
    using desk = new Desk();
    const [deleted, unmounted] = [join(desk.home, 'deleted'), join(desk.home, 'disk', 'repo')];
    mkdirSync(deleted);
    for (const root of [desk.repo, deleted, unmounted]) await rememberRoot(desk.env, root);
    rmSync(deleted, { recursive: true });
    expect(await findLinkedRoots(desk.env)).toEqual({
      isWhole: false,
      roots: [desk.repo],
      warnings: [
        `${deleted} no longer exists. It was removed from the list of linked repositories.`,
        `${unmounted} is not available. It is skipped until it is.`,
      ],
    });
    expect(readLinkedRoots(desk.env)).toEqual([desk.repo, unmounted]);
  });

  it.each([
    ['half a file', '{"project_roots": ["/a'],
    ['another shape', '{"project_roots": {"a": 1}}'],
    ['other values', '{"project_roots": [7, "", null]}'],
  ])('counts as empty when it holds %s, and begins anew', async (_, text) => {
    using desk = new Desk();
    desk.write(linkedRootsPath(desk.env), text);
    expect(readLinkedRoots(desk.env)).toEqual([]);
    await rememberRoot(desk.env, desk.repo);
    expect(readLinkedRoots(desk.env)).toEqual([desk.repo]);
  });

  it('loses nothing when many change it at once', async () => {
    using desk = new Desk();
    const roots = Array.from({ length: 12 }, (_, at) => `/repositories/${at}`);
    await Promise.all(roots.map((root) => rememberRoot(desk.env, root)));
    await Promise.all(roots.slice(6).map((root) => forgetRoots(desk.env, [root])));
    expect(readLinkedRoots(desk.env).sort()).toEqual(roots.slice(0, 6));
  });

  it('is sent by a sync with --all-linked, without missing repositories, which cause a warning', async () => {
    await using server = await RecordingServer.start(() => ({
      body: { ok: true, syncedProjects: 1, syncedSessions: 0 },
    }));
    using desk = new Desk();
    desk.signIn(server.url);
    desk.linkTo('ide_77');
    const gone = join(desk.home, 'gone');
    for (const root of [desk.repo, gone]) await rememberRoot(desk.env, root);
    await desk.json('runner', 'enable');
    const words = ['--repo-root', desk.home, 'runner', 'sync', '--all-linked', '--json'];
    const { code, stdout, stderr } = await desk.orp(words);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).included_project_roots).toEqual([desk.repo]);
    expect(stderr).toContain(`${gone} no longer exists`);
  });
});
