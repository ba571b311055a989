import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { syncPending } from '../../../cli/hosted/pending-roots.ts';
import { clearPending, notePending, readPending } from '../../../cli/records/pending-sync.ts';
import { Desk } from '../desk.ts';
import { type Asked, RecordingServer } from '../recording-server.ts';

interface Body {
  linkedProjects: { projectRoot: string; ideaId: string }[];
  sessions: { orpSessionId: string }[];
  complete?: boolean;
  completeRoots?: string[];
}

const bodiesOf = (server: RecordingServer): Body[] =>
  server.asked.filter(({ path }) => path === '/api/cli/runner/sync').map(({ body }) => body as Body);

const accepting = ({ method }: Asked) => ({
  body: method === 'PUT' ? { ok: true, world: { id: 'wor_1' } } : { ok: true },
});

const REGISTER = ['link', 'session', 'register', '--label', 'Main', '--codex-session-id', 'c-1'];

/** Signed in, enabled, linked, with the session `main`. */
async function workingDesk(server: RecordingServer): Promise<Desk> {
  const desk = new Desk();
  desk.signIn(server.url);
  desk.linkTo('ide_1');
  await desk.json(...REGISTER, '--orp-session-id', 'main');
  await desk.json('runner', 'enable');
  return desk;
}

const pending = (desk: Desk) => [...readPending(desk.env).keys()];
const place = (desk: Desk) => ({ env: desk.env, now: desk.now });

describe('a change of links or sessions on an enabled machine', () => {
  it.each<[string, string[], string[]]>([
    ['register', [...REGISTER, '--orp-session-id', 'docs'], ['main', 'docs']],
    ['archive', ['link', 'session', 'archive', 'main'], []],
    ['remove', ['link', 'session', 'remove', 'main'], []],
    ['set-primary', ['link', 'session', 'set-primary', 'main'], ['main']],
    ['bind', ['link', 'project', 'bind', '--idea-id', 'ide_1'], ['main']],
  ])('reaches the server by itself: %s', async (_name, words, sessions) => {
    await using server = await RecordingServer.start(accepting);
    using desk = await workingDesk(server);
    const { code, stderr } = await desk.orp(words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [body, ...more] = bodiesOf(server);
    expect(more).toEqual([]);
    expect(body?.linkedProjects.map(({ projectRoot }) => projectRoot)).toEqual([desk.repo]);
    expect(body?.sessions.map(({ orpSessionId }) => orpSessionId)).toEqual(sessions);
    expect(body).not.toHaveProperty('complete');
    expect(pending(desk)).toEqual([]);
  });

  it('an unlinked repository is named, so that the server drops it', async () => {
    await using server = await RecordingServer.start(accepting);
    using desk = await workingDesk(server);
    await desk.json('link', 'project', 'unbind');
    expect(bodiesOf(server)).toMatchObject([
      { linkedProjects: [], sessions: [], completeRoots: [desk.repo] },
    ]);
    expect(pending(desk)).toEqual([]);
  });

  it('a moved repository drops its old folder with link doctor --fix', async () => {
    await using server = await RecordingServer.start(accepting);
    using desk = await workingDesk(server);
    const [old, moved] = [desk.repo, join(desk.home, 'moved')];
    renameSync(old, moved);
    Object.assign(desk, { repo: moved, link: join(moved, '.git', 'orp', 'link') });
    await desk.json('link', 'doctor', '--fix');
    expect(bodiesOf(server)).toMatchObject([
      {
        linkedProjects: [{ projectRoot: moved }],
        sessions: [{ orpSessionId: 'main' }],
        completeRoots: [old],
      },
    ]);
  });

  it('says nothing and asks nothing on a machine that is not enabled', async () => {
    await using server = await RecordingServer.start(accepting);
    using desk = new Desk();
    desk.signIn(server.url);
    desk.linkTo('ide_1');
    await desk.json(...REGISTER, '--orp-session-id', 'main');
    expect(server.asked).toEqual([]);
    expect(pending(desk)).toEqual([]);
  });

  it('is kept when the server cannot be reached, without a word, and is sent with the next sync', async () => {
    await using server = await RecordingServer.start(() => ({ status: 503, body: 'away' }));
    using desk = await workingDesk(server);
    const { code, stderr } = await desk.orp(['link', 'session', 'archive', 'main']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(pending(desk)).toEqual([desk.repo]);
    server.answer(accepting);
    await desk.json('runner', 'sync');
    expect(pending(desk)).toEqual([]);
  });

  it('is caught up by the runner', async () => {
    await using server = await RecordingServer.start(() => ({ hangUp: true }));
    using desk = await workingDesk(server);
    await desk.json('link', 'project', 'unbind');
    expect(pending(desk)).toEqual([desk.repo]);
    server.answer(accepting);
    await syncPending(place(desk));
    expect(bodiesOf(server).at(-1)).toMatchObject({ completeRoots: [desk.repo] });
    expect(pending(desk)).toEqual([]);
    const count = server.asked.length;
    await syncPending(place(desk));
    expect(server.asked.length).toBe(count);
  });

  it('of a disabled machine is sent when it is enabled again', async () => {
    await using server = await RecordingServer.start(accepting);
    using desk = await workingDesk(server);
    await desk.json('runner', 'sync');
    await desk.json('runner', 'disable');
    await desk.json('link', 'session', 'archive', 'main');
    expect(bodiesOf(server)).toHaveLength(1);
    await desk.json('runner', 'enable');
    await syncPending(place(desk));
    expect(bodiesOf(server).at(-1)?.sessions).toEqual([]);
  });
});

describe('what a sync calls complete', () => {
  it('a folder that was deleted is dropped; one on a disk that is not mounted is kept', async () => {
    await using server = await RecordingServer.start(accepting);
    using desk = await workingDesk(server);
    const deleted = join(desk.home, 'deleted');
    const away = join(desk.home, 'disk', 'project');
    await notePending(desk.env, [deleted, away], desk.now);
    await desk.json('runner', 'sync');
    expect(bodiesOf(server).at(-1)).toMatchObject({ completeRoots: [deleted] });
    expect(pending(desk)).toEqual([away]);
  });

  it('a repository whose .git folder is gone is dropped, unless git is missing', async () => {
    await using server = await RecordingServer.start(accepting);
    using desk = await workingDesk(server);
    rmSync(join(desk.repo, '.git'), { recursive: true });
    await notePending(desk.env, [desk.repo], desk.now);
    await syncPending({ ...place(desk), env: { ...desk.env, PATH: '/nowhere' } });
    expect(bodiesOf(server)).toEqual([]);
    await syncPending(place(desk));
    expect(bodiesOf(server)).toMatchObject([{ completeRoots: [desk.repo] }]);
  });

  it('everything of the machine with --all-linked, as long as nothing is left out', async () => {
    await using server = await RecordingServer.start(accepting);
    using desk = await workingDesk(server);
    await desk.json('runner', 'sync', '--all-linked');
    expect(bodiesOf(server).at(-1)?.complete).toBe(true);
    await desk.json('runner', 'sync');
    expect(bodiesOf(server).at(-1)).not.toHaveProperty('complete');

    const other = join(desk.home, 'disk', 'other');
    mkdirSync(other, { recursive: true });
    desk.write(join(desk.home, 'state', 'orp', 'note'), '');
    const { rememberRoot } = await import('../../../cli/records/linked-roots.ts');
    await rememberRoot(desk.env, other);
    renameSync(join(desk.home, 'disk'), join(desk.home, 'unmounted'));
    await desk.orp(['runner', 'sync', '--all-linked']);
    expect(bodiesOf(server).at(-1)).not.toHaveProperty('complete');
  });

  it('not while another account linked one of the repositories', async () => {
    await using server = await RecordingServer.start(accepting);
    using desk = await workingDesk(server);
    using other = new Desk();
    other.linkTo('ide_2', { linked_email: 'noor@example.test' });
    const { rememberRoot } = await import('../../../cli/records/linked-roots.ts');
    await rememberRoot(desk.env, other.repo);
    await desk.json('runner', 'sync', '--all-linked');
    expect(bodiesOf(server).at(-1)).not.toHaveProperty('complete');
  });
});

describe('the notes of changes', () => {
  it('a change during a sync stays noted', async () => {
    using desk = new Desk();
    await notePending(desk.env, ['/srv/a', '/srv/b'], 1);
    const before = readPending(desk.env);
    await notePending(desk.env, ['/srv/a'], 2);
    await clearPending(desk.env, before);
    expect(pending(desk)).toEqual(['/srv/a']);
  });

  it('a torn file counts as empty and is replaced', async () => {
    using desk = new Desk();
    await notePending(desk.env, ['/srv/a'], 1);
    const [path = ''] = (await import('node:fs')).globSync(
      join(desk.home, 'state', 'orp', 'pending-sync-*.json'),
    );
    expect(existsSync(path)).toBe(true);
    desk.write(path, '{"project_roots"');
    expect(pending(desk)).toEqual([]);
    await notePending(desk.env, ['/srv/b'], 1);
    expect(pending(desk)).toEqual(['/srv/b']);
  });
});
