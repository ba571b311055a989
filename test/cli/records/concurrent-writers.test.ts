import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withLock } from '../../../cli/files/lock.ts';
import { requireGit, resolveRepo } from '../../../cli/git/repository.ts';
import { readSessions, sessionFileName } from '../../../cli/records/sessions/sessions.ts';
import { Desk } from '../desk.ts';

const WRITER = join(import.meta.dirname, 'writer.ts');
const COUNTER = join(import.meta.dirname, 'counter.ts');
const ROUNDS = 8;

describe('several writers', () => {
  it('four processes lose no update, and leave one primary session and no torn file', async () => {
    using desk = new Desk();
    desk.write(join(desk.userFolder, 'machine.json'), '{"machine_id":"m-1","machine_name":"0"}');
    const names = ['a', 'b', 'c', 'd'];
    const children = names.map((name) =>
      spawn(process.execPath, [WRITER, name, desk.repo, String(ROUNDS)], { env: desk.env, stdio: 'inherit' }),
    );
    const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]));
    expect(codes).toEqual([0, 0, 0, 0]);

    const { sessions, invalidPaths } = readSessions(
      requireGit(await resolveRepo(desk.repo, desk.env)),
      desk.now,
    );
    expect(invalidPaths).toEqual([]);
    expect(sessions).toHaveLength(names.length * ROUNDS);
    expect(sessions.filter(({ record }) => record.primary)).toHaveLength(1);
    expect(desk.readJson(join(desk.userFolder, 'machine.json'))).toMatchObject({
      machine_id: 'm-1',
      machine_name: String(names.length * ROUNDS),
    });
    expect(readdirSync(desk.userFolder)).toEqual(['machine.json']);
  });

  it('two processes that write the same records a thousand times lose no update, and no reader sees a torn file', async () => {
    using desk = new Desk();
    const records = [
      join(desk.userFolder, 'machine.json'),
      join(desk.link, 'sessions', sessionFileName('main')),
    ];
    desk.write(records[0] ?? '', '{"machine_id":"m-1","machine_name":"0"}');
    desk.write(records[1] ?? '', '{"orp_session_id":"main","label":"0"}');
    const rounds = 500;
    const children = [1, 2].map(() =>
      spawn(process.execPath, [COUNTER, desk.repo, String(rounds)], { env: desk.env, stdio: 'inherit' }),
    );
    const ends = children.map(async (child) => (await once(child, 'exit'))[0]);
    let isOver = false;
    const over = Promise.all(ends).finally(() => {
      isOver = true;
    });
    let reads = 0;
    while (!isOver) {
      for (const path of records) {
        expect(() => JSON.parse(desk.read(path))).not.toThrow();
        reads += 1;
      }
      await new Promise(setImmediate);
    }
    expect(await over).toEqual([0, 0]);
    expect(reads).toBeGreaterThan(100);
    expect(desk.readJson(records[0] ?? '')).toMatchObject({ machine_name: String(2 * rounds) });
    expect(desk.readJson(records[1] ?? '')).toMatchObject({ label: String(2 * rounds), primary: true });
    expect(readdirSync(desk.userFolder)).toEqual(['machine.json']);
    expect(readdirSync(join(desk.link, 'sessions'))).toHaveLength(1);
  }, 120_000);

  it('a lock that a crashed process left behind is overtaken', async () => {
    using desk = new Desk();
    const folder = join(desk.home, 'state');
    mkdirSync(join(folder, '.lock'), { recursive: true });
    utimesSync(join(folder, '.lock'), new Date(0), new Date(0));
    expect(await withLock(folder, () => 'done')).toBe('done');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('a lock that the system refuses is told at once, in the words of the system', async () => {
    using desk = new Desk();
    // Room for the folder, and none for the lock in it.
    const limit = process.platform === 'linux' ? 4096 : 1024;
    let folder = desk.home;
    while (folder.length < limit - 104) folder = join(folder, 'x'.repeat(100));
    folder = join(folder, 'x'.repeat(limit - folder.length - 4));
    await expect(withLock(folder, () => 'done')).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
  });

  it('within a process, turns follow each other, and a failed one does not block the next', async () => {
    using desk = new Desk();
    const folder = join(desk.home, 'state');
    const order: number[] = [];
    const turns = [1, 2, 3].map((turn) =>
      withLock(folder, () => {
        order.push(turn);
        if (turn === 2) throw new Error('boom');
        return turn;
      }),
    );
    expect(await Promise.allSettled(turns)).toMatchObject([
      { value: 1 },
      { reason: { message: 'boom' } },
      { value: 3 },
    ]);
    expect(order).toEqual([1, 2, 3]);
  });
});
