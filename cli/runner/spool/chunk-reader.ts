/** Reads the numbered chunks of a spool from the disk in batches, so that a long outage needs no memory. */

import { open } from 'node:fs/promises';
import { type ChunkRecord, chunkRecord, parseLines } from './records.ts';

/** The maximum text of one upload. The server accepts 256 KiB including the other fields. */
const BATCH_BYTES = 192 * 1024;
/** The maximum number of chunks in one upload. The server accepts 1000. */
const BATCH_CHUNKS = 500;
/** Longer than any line. A chunk has at most 64 KiB of text, and JSON makes text at most six times as long. */
const READ_BYTES = 512 * 1024;

/** A chunk, and the offset of the next line. */
export interface PlacedChunk {
  chunk: ChunkRecord;
  endOffset: number;
}

/** Reads chunks from `offset`, as many as fit into one upload. Returns an empty list if no complete chunk follows. */
export async function readBatch(path: string, offset: number): Promise<PlacedChunk[]> {
  const batch: PlacedChunk[] = [];
  let textBytes = 0;
  for await (const placed of scanChunks(path, offset)) {
    textBytes += Buffer.byteLength(placed.chunk.text);
    const isFull = textBytes > BATCH_BYTES || batch.length >= BATCH_CHUNKS;
    if (isFull && batch.length > 0) break;
    batch.push(placed);
  }
  return batch;
}

/** Returns the offset of the first chunk after `seq`, or the end of the complete lines if there is none. */
export async function findOffsetAfter(path: string, seq: number): Promise<number> {
  let offset = 0;
  for await (const { chunk, endOffset } of scanChunks(path, 0)) {
    if (chunk.seq > seq) break;
    offset = endOffset;
  }
  return offset;
}

/** Returns the highest number in the file, or 0. */
export async function findLastSeq(path: string): Promise<number> {
  let last = 0;
  for await (const { chunk } of scanChunks(path, 0)) last = Math.max(last, chunk.seq);
  return last;
}

/**
 * Reads every complete chunk from `offset`. Skips lines that do not parse, because a crash damaged them.
 */
async function* scanChunks(path: string, offset: number): AsyncGenerator<PlacedChunk> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return;
  try {
    for (let at = offset; ; ) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, at);
      const bytes = buffer.subarray(0, bytesRead);
      const lastEnd = bytes.lastIndexOf(0x0a);
      if (lastEnd < 0 && bytesRead < READ_BYTES) return;
      yield* readLines(bytes.subarray(0, lastEnd + 1), at);
      // A block without any line end contains no record. After a power cut, such a block contains zeros.
      at += lastEnd < 0 ? bytesRead : lastEnd + 1;
    }
  } finally {
    await file.close();
  }
}

function* readLines(bytes: Buffer, offset: number): Generator<PlacedChunk> {
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0x0a, from);
    const [chunk] = parseLines(bytes.toString('utf8', from, end), chunkRecord);
    from = end + 1;
    if (chunk !== undefined) yield { chunk, endOffset: offset + from };
  }
}
