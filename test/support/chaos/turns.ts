/** Reads from the transcripts of the sessions what happened to each prompt. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ChaosMachine } from './machine.ts';

/** A prompt that was entered into a session of an agent server. */
export interface Turn {
  jobId: string;
  leaseId: string;
  session: string;
  status: 'completed' | 'failed' | 'interrupted';
}

type Line =
  | { record: 'prompt'; turnId: string; clientId: string }
  | { record: 'answer'; turnId: string }
  | { record: 'end'; turnId: string; status: Turn['status'] };

const MARKER = /^orp:([^:]+):([^:]+)$/;

export function readTurns(machines: readonly ChaosMachine[]): Turn[] {
  return machines.flatMap(({ agentHome }) => {
    const transcripts = join(agentHome, 'sessions');
    return (existsSync(transcripts) ? readdirSync(transcripts) : []).flatMap((name) =>
      turnsIn(readFileSync(join(transcripts, name), 'utf8'), basename(name, '.jsonl')),
    );
  });
}

function turnsIn(text: string, session: string): Turn[] {
  const lines = text.split('\n').flatMap(readLine);
  return lines.flatMap((line) => {
    const [, jobId, leaseId] = (line.record === 'prompt' && MARKER.exec(line.clientId)) || [];
    if (jobId === undefined || leaseId === undefined) return [];
    const end = lines.find((other) => other.record === 'end' && other.turnId === line.turnId);
    return [{ jobId, leaseId, session, status: end?.record === 'end' ? end.status : 'interrupted' }];
  });
}

/** Reads a line. A server that was killed during a write leaves an incomplete line, which is ignored. */
function readLine(line: string): Line[] {
  try {
    return [JSON.parse(line) as Line];
  } catch {
    return [];
  }
}
