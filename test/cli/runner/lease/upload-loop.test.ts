import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LeaseVerdict, Reply } from '../../../../cli/runner/job/hosted-api.ts';
import { UploadLoop } from '../../../../cli/runner/lease/upload-loop.ts';
import { LeaseSpool } from '../../../../cli/runner/spool/lease-spool.ts';
import type { ChunkRecord } from '../../../../cli/runner/spool/records.ts';

type Answer = Reply<Record<string, unknown>> | 'accept';
const REFUSED = { kind: 'refused', status: 409, code: 'lease_lost', message: 'gone' } as const;
const TOO_LARGE = { kind: 'refused', status: 413, code: 'body_too_large', message: 'too large' } as const;
const DOWN = { kind: 'unavailable', code: 'unreachable', message: 'down' } as const;

let folder: string;
let spool: LeaseSpool;
let loops: UploadLoop[];
let stored: Map<number, string>;
let answers: Answer[];
let sizes: number[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orp-upload-'));
  spool = await LeaseSpool.open(folder);
  loops = [];
  stored = new Map();
  answers = [];
  sizes = [];
});

afterEach(async () => {
  await Promise.all(loops.map((loop) => loop.stop()));
  await spool.close();
  await rm(folder, { recursive: true, force: true });
});

async function addLogs(
  _held: unknown,
  chunks: readonly ChunkRecord[],
): Promise<Reply<Record<string, unknown>>> {
  sizes.push(chunks.length);
  const answer = answers.shift() ?? 'accept';
  if (answer !== 'accept') return answer;
  for (const chunk of chunks) if (!stored.has(chunk.seq)) stored.set(chunk.seq, chunk.text);
  let received = 0;
  while (stored.has(received + 1)) received += 1;
  return { kind: 'ok', value: { ok: true, received } };
}

function startLoop(verdict?: LeaseVerdict, received = 0): UploadLoop {
  const service = { addLogs };
  const held = { jobId: 'job_1', leaseId: 'lea_1' };
  const loop = new UploadLoop({
    service,
    held,
    chunksPath: spool.chunksPath,
    received,
    askLease: async () => verdict,
  });
  loops.push(loop);
  return loop;
}

async function say(...texts: string[]): Promise<void> {
  for (const text of texts) {
    await spool.addChunk({ at: '2026-04-01T10:00:00Z', stream: 'stdout', level: 'info', text });
  }
}

const never = new AbortController().signal;
const transcript = () => [...stored.entries()].sort(([a], [b]) => a - b).map(([, text]) => text);

describe('uploads', () => {
  it('send everything in order, including text that arrives during an upload', async () => {
    await say('a', 'b');
    const loop = startLoop();
    await loop.drain(never);
    await say('c');
    await loop.drain(never);

    expect(transcript()).toEqual(['a', 'b', 'c']);
  });

  it('are sent again after an outage of the server', async () => {
    await say('a');
    answers = [DOWN, DOWN];
    await startLoop().drain(never);

    expect(transcript()).toEqual(['a']);
  });

  it('continue from the number that the server returns, even if the server has lost chunks', async () => {
    await say('a', 'b', 'c');
    answers = [{ kind: 'ok', value: { received: 1 } }];
    stored.set(1, 'a');
    await startLoop().drain(never);

    expect(transcript()).toEqual(['a', 'b', 'c']);
  });

  it('begin after the text that an earlier run has sent', async () => {
    await say('a', 'b', 'c');
    stored.set(1, 'a').set(2, 'b');
    await startLoop(undefined, 2).drain(never);

    expect(sizes).toEqual([1]);
    expect(transcript()).toEqual(['a', 'b', 'c']);
  });

  it('become smaller when they are too large, and replace a piece that is refused alone', async () => {
    await say('a', 'b', 'c', 'd');
    answers = [TOO_LARGE, TOO_LARGE, TOO_LARGE, 'accept'];
    await startLoop().drain(never);

    expect(transcript()).toEqual([expect.stringContaining('was refused'), 'b', 'c', 'd']);
  });

  it('fill a gap that a power cut left, so that the later chunks arrive', async () => {
    await say('a');
    spool.skipTo(3);
    await say('d');
    await startLoop().drain(never);

    expect(transcript()).toEqual([
      'a',
      expect.stringContaining('lost'),
      expect.stringContaining('lost'),
      'd',
    ]);
  });

  it('end when the lease is gone', async () => {
    await say('a');
    answers = [REFUSED];
    const loop = startLoop({ action: 'stop', reason: 'cancelled' });
    await loop.drain(never);

    expect(loop.isRefused).toBe(true);
  });

  it('continue if the server says that the lease is valid', async () => {
    await say('a');
    answers = [REFUSED];
    const loop = startLoop({ action: 'continue' });
    await loop.drain(never);

    expect(loop.isRefused).toBe(false);
    expect(transcript()).toEqual(['a']);
  });

  it('do not end because a lease was refused a few times over a long run', async () => {
    const loop = startLoop({ action: 'continue' });
    for (const text of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) {
      await say(text);
      answers = [REFUSED];
      await loop.drain(never);
    }

    expect(loop.isRefused).toBe(false);
    expect(transcript()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  });

  it('stop being waited for when the signal aborts', async () => {
    await say('a');
    answers = Array<Answer>(1000).fill(DOWN);
    await startLoop().drain(AbortSignal.timeout(50));

    expect(transcript()).toEqual([]);
  });
});

describe('a transcript that cannot be read', () => {
  it('does not end the process; the read is retried and does not delay the result forever', async () => {
    await say('a');
    await rename(spool.chunksPath, `${spool.chunksPath}.away`);
    await mkdir(spool.chunksPath);
    const loop = startLoop();
    await loop.drain(AbortSignal.timeout(50));
    expect(loop.isDrained).toBe(false);

    await rm(spool.chunksPath, { recursive: true });
    await rename(`${spool.chunksPath}.away`, spool.chunksPath);
    await loop.drain(never);
    expect(transcript()).toEqual(['a']);
  });
});
