import { appendFile, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stateFolder } from '../../../../cli/files/paths.ts';
import { ChunkBuffer, type Piece, splitText } from '../../../../cli/runner/spool/chunk-buffer.ts';
import { findLastSeq, findOffsetAfter, readBatch } from '../../../../cli/runner/spool/chunk-reader.ts';
import { LeaseSpool, listSpools, readJournal, readResult } from '../../../../cli/runner/spool/lease-spool.ts';
import { folderName, keptFolder, spoolFolder } from '../../../../cli/runner/spool/places.ts';
import type { ClaimRecord } from '../../../../cli/runner/spool/records.ts';

const T0 = '2026-04-01T10:00:00.000Z';
let home: string;
let folder: string;
let opened: LeaseSpool[];

beforeEach(async () => {
  opened = [];
  home = await mkdtemp(join(tmpdir(), 'orp-spool-'));
  folder = join(spoolFolder({ XDG_STATE_HOME: home }, 'mach-1'), folderName('lea_1'));
});

afterEach(async () => {
  await Promise.all(opened.map((spool) => spool.close()));
  await rm(home, { recursive: true, force: true });
});

async function openSpool(path: string): Promise<LeaseSpool> {
  const spool = await LeaseSpool.open(path);
  opened.push(spool);
  return spool;
}

const CLAIM: ClaimRecord = {
  record: 'claimed',
  version: 1,
  at_utc: T0,
  base_url: 'http://127.0.0.1:1',
  machine_id: 'mach-1',
  job_id: 'job_1',
  job_kind: 'session.prompt',
  lease_id: 'lea_1',
  attempt: 1,
  runner: { pid: 1, start_time: 'x' },
};

function say(text: string) {
  return { at: T0, stream: 'stdout' as const, level: 'info' as const, text };
}

describe('places of the spool', () => {
  it('follow XDG_STATE_HOME, unless it is relative', () => {
    expect(stateFolder({ XDG_STATE_HOME: '/var/s' })).toBe('/var/s/orp');
    expect(stateFolder({ XDG_STATE_HOME: 'relative' })).toMatch(/\.local\/state\/orp$/);
  });

  it('are one plain folder name for any id', () => {
    fc.assert(
      fc.property(fc.string(), (id) => {
        expect(folderName(id)).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/);
      }),
    );
    expect(folderName('../../etc')).not.toBe(folderName('..'));
  });

  it('are private', async () => {
    const spool = await openSpool(folder);
    await spool.note(CLAIM);

    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, 'journal.jsonl'))).mode & 0o777).toBe(0o600);
    expect((await stat(spool.chunksPath)).mode & 0o777).toBe(0o600);
  });
});

describe('what cannot be read right now', () => {
  /** As with an unmounted disk, or no file left to open: nobody can say what is in it. */
  async function makeUnreadable(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
    await symlink(path, path);
  }

  it('is neither torn nor absent', async () => {
    const spool = await openSpool(folder);
    await spool.note(CLAIM);
    await makeUnreadable(join(folder, 'journal.jsonl'));
    await makeUnreadable(join(folder, 'result.json'));
    const root = join(home, 'loop');
    await makeUnreadable(root);

    await expect(readJournal(folder)).rejects.toMatchObject({ code: 'ELOOP' });
    await expect(readResult(folder)).rejects.toMatchObject({ code: 'ELOOP' });
    await expect(listSpools(root)).rejects.toMatchObject({ code: 'ELOOP' });
  });
});

describe('the journal', () => {
  it('shows how far the attempt got', async () => {
    const spool = await openSpool(folder);
    await spool.note(CLAIM);
    expect(await readJournal(folder)).toMatchObject({ claim: CLAIM, progress: { kind: 'claimed' } });
    await spool.note({ record: 'spawning', at_utc: T0, tag: 't' });
    expect((await readJournal(folder))?.progress).toEqual({ kind: 'spawned', mark: { tag: 't' } });
    await spool.note({ record: 'spawned', at_utc: T0, pid: 77, start_time: 's' });
    expect((await readJournal(folder))?.progress).toEqual({
      kind: 'spawned',
      mark: { leader: { pid: 77, startTime: 's' }, tag: 't' },
    });
  });

  it('is read up to a torn line, and goes on behind it', async () => {
    await (await openSpool(folder)).note(CLAIM);
    await appendFile(join(folder, 'journal.jsonl'), '{"record":"spaw');
    expect((await readJournal(folder))?.progress).toEqual({ kind: 'claimed' });

    await (await openSpool(folder)).note({ record: 'spawning', at_utc: T0 });
    expect((await readJournal(folder))?.progress).toEqual({ kind: 'spawned', mark: {} });
  });

  it('is absent when not even the claim can be read', async () => {
    await openSpool(folder);
    await writeFile(join(folder, 'journal.jsonl'), '{"record":"cla');

    expect(await readJournal(folder)).toBeUndefined();
  });
});

describe('the chunks of a spool', () => {
  it('are numbered from 1, also after a restart in the middle of a line', async () => {
    const first = await openSpool(folder);
    await first.addChunk(say('a'));
    await first.addChunk(say('b'));
    await appendFile(first.chunksPath, '{"seq":3,"te');

    const second = await openSpool(folder);
    await second.addChunk(say('c'));
    const batch = await readBatch(second.chunksPath, 0);

    expect(batch.map(({ chunk }) => [chunk.seq, chunk.text])).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ]);
    expect(await findLastSeq(second.chunksPath)).toBe(3);
  });

  it('come in batches of bounded size, and from any number on', async () => {
    const spool = await openSpool(folder);
    for (let i = 0; i < 40; i += 1) await spool.addChunk(say(`${i}${'x'.repeat(60_000)}`));

    const seen: number[] = [];
    for (let offset = await findOffsetAfter(spool.chunksPath, 7); ; ) {
      const batch = await readBatch(spool.chunksPath, offset);
      const last = batch.at(-1);
      if (last === undefined) break;
      expect(batch.reduce((sum, { chunk }) => sum + chunk.text.length, 0)).toBeLessThanOrEqual(192 * 1024);
      seen.push(...batch.map(({ chunk }) => chunk.seq));
      offset = last.endOffset;
    }

    expect(seen).toEqual(Array.from({ length: 33 }, (_, i) => i + 8));
  });

  it('pass over zeros that a loss of power left behind', async () => {
    const first = await openSpool(folder);
    await first.addChunk(say('a'));
    await appendFile(first.chunksPath, Buffer.alloc(3 * 1024 * 1024));
    const second = await openSpool(folder);
    await second.addChunk(say('b'));

    const batch = await readBatch(second.chunksPath, 0);
    expect(batch.map(({ chunk }) => chunk.text)).toEqual(['a', 'b']);
  });
});

describe('the result of a spool', () => {
  it('is read back, and a torn one counts as none', async () => {
    const spool = await openSpool(folder);
    const result = { outcome: 'completed' as const, finished_at_utc: T0, content: 'Done ✓' };
    await spool.setResult(result);
    expect(await readResult(folder)).toEqual(result);

    await writeFile(join(folder, 'result.json'), '{"outcome":"comp');
    expect(await readResult(folder)).toBeUndefined();
  });

  it('stays until it is removed or kept aside under a free name', async () => {
    const spool = await openSpool(folder);
    await spool.setResult({ outcome: 'completed', finished_at_utc: T0 });
    const env = { XDG_STATE_HOME: home };
    expect(await listSpools(spoolFolder(env, 'mach-1'))).toEqual([folder]);

    expect(await spool.keepAside(env)).toBe(join(keptFolder(env), 'lea_1'));
    const again = await openSpool(folder);
    await again.setResult({ outcome: 'failed', finished_at_utc: T0 });
    expect(await again.keepAside(env)).toBe(join(keptFolder(env), 'lea_1-2'));
    expect(await listSpools(spoolFolder(env, 'mach-1'))).toEqual([]);
    expect(await readFile(join(keptFolder(env), 'lea_1', 'result.json'), 'utf8')).toContain('completed');
  });
});

describe('the chunk buffer', () => {
  it('joins what follows each other in one stream, and keeps the order of streams', async () => {
    const written: Piece[] = [];
    const buffer = new ChunkBuffer(async (piece) => void written.push(piece));
    for (const text of ['a', 'b']) void buffer.add({ stream: 'stdout', level: 'info', text });
    void buffer.add({ stream: 'stderr', level: 'error', text: 'c' });
    void buffer.add({ stream: 'stdout', level: 'info', text: 'd' });
    await buffer.flush();

    expect(written.map((piece) => piece.text)).toEqual(['ab', 'c', 'd']);
  });

  it('writes what is there without being asked', async () => {
    const written = await new Promise<Piece>((seen) => {
      const buffer = new ChunkBuffer(async (piece) => seen(piece));
      void buffer.add({ stream: 'stdout', level: 'info', text: 'late' });
    });

    expect(written.text).toBe('late');
  });

  it('cuts large text at 64 KiB, never through a character', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 200 }),
        fc.integer({ min: 4, max: 50 }),
        (text, size) => {
          const parts = splitText(text, size);

          expect(parts.join('')).toBe(text);
          for (const part of parts) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(size);
        },
      ),
    );
  });
});
