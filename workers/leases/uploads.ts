/** Handles uploads to a transcript: messages, lines of v0.4.4, or numbered chunks. */

import { utf8Length } from '../../spec/bounds.ts';
import type { BodyOf } from '../../spec/contract/endpoint.ts';
import type { NewEntry } from '../../spec/contract/jobs.ts';
import type { addLogs as logsRow, addMessage as messageRow } from '../../spec/contract/runner.ts';
import type { Result } from '../../spec/errors.ts';
import { refuse } from '../../spec/errors.ts';
import { MAX_CHUNK_BYTES } from '../../spec/job/kinds.ts';
import { cutPlace } from '../../spec/text.ts';
import type { SignedIn } from '../accounts/authenticate.ts';
import type { Deps } from '../base/deps.ts';
import type { Fenced } from '../base/machine-api.ts';
import { jobUnderLease } from '../jobs/fence.ts';

type Refused = Fenced | 'body_too_large';

export function entriesOfMessage(body: BodyOf<typeof messageRow>, now: number): NewEntry[] {
  const stream = body.sender === 'agent' ? 'agent' : 'system';
  return [
    { seq: body.seq, at: timeOf(body.at, now), type: 'message', stream, level: 'info', text: body.content },
  ];
}

/** Converts chunks to entries. Chunks of the streams `agent` and `system` are messages; all others are output. */
export function entriesOfLogs(body: BodyOf<typeof logsRow>, now: number): NewEntry[] {
  const lines = (body.lines ?? []).map((line): NewEntry => {
    const isError = line.level === 'error';
    return {
      at: now,
      type: 'log',
      stream: isError ? 'stderr' : 'stdout',
      level: isError ? 'error' : 'info',
      text: `${line.line}\n`,
    };
  });
  const chunks = (body.chunks ?? []).map((chunk): NewEntry => {
    const isMessage = chunk.stream === 'agent' || chunk.stream === 'system';
    return { ...chunk, at: timeOf(chunk.at, now), type: isMessage ? 'message' : 'log' };
  });
  return [...mergedLines(lines), ...chunks];
}

export interface Upload {
  jobId: string;
  machineId: string;
  leaseId: string | null | undefined;
  entries: readonly NewEntry[];
}

/** Appends entries under the lease. The answer has the number up to which every entry has arrived. */
export async function appendUpload(
  deps: Deps,
  user: SignedIn,
  upload: Upload,
): Promise<Result<{ received: number }, Refused>> {
  const { jobId, machineId, leaseId } = upload;
  if (upload.entries.some(isTooLarge)) {
    return refuse('body_too_large', `A chunk may have at most ${MAX_CHUNK_BYTES} bytes.`, 'Split it.');
  }
  if (!leaseId) {
    const read = await jobUnderLease(deps, user, { jobId, holder: { machineId, leaseId } });
    return read.ok
      ? refuse('lease_lost', `Job ${jobId} was handed out under a lease. Send its leaseId.`)
      : read;
  }
  return deps.machines.call({ userId: user.id, machineId }, async (stub) =>
    stub.append({ jobId, leaseId }, upload.entries),
  );
}

/** Returns whether an entry is too large. The sender cuts numbered entries; the server cuts lines of v0.4.4. */
function isTooLarge({ seq, text }: NewEntry): boolean {
  return seq !== undefined && utf8Length(text) > MAX_CHUNK_BYTES;
}

/**
 * Joins consecutive lines of a stream into entries of at most a chunk's size, because v0.4.4 sends all its output as lines.
 */
function mergedLines(lines: readonly NewEntry[]): NewEntry[] {
  const merged: NewEntry[] = [];
  for (const line of lines.flatMap(cutLine)) {
    const last = merged.at(-1);
    if (
      last !== undefined &&
      last.stream === line.stream &&
      last.text.length + line.text.length <= MAX_LINE_LENGTH
    ) {
      last.text += line.text;
    } else {
      merged.push({ ...line });
    }
  }
  return merged;
}

/** The maximum length of a cut line. Even if JSON escapes every character, the piece fits into a row. */
const MAX_LINE_LENGTH = 128 * 1024;

/** Cuts a line that is too long for one entry, only between characters. */
function cutLine(line: NewEntry): NewEntry[] {
  const pieces: NewEntry[] = [];
  for (let from = 0; from < line.text.length; ) {
    const to = cutPlace(line.text, from + MAX_LINE_LENGTH);
    pieces.push({ ...line, text: line.text.slice(from, to) });
    from = to;
  }
  return pieces;
}

function timeOf(at: string | undefined, now: number): number {
  return at === undefined ? now : Date.parse(at);
}
