/** D1 as it is on its bad days, between the real Worker and the real D1: silent, or too busy to take most of what is sent. */

import { wrapDatabase } from './wrapped-database.ts';

export const MOODS = ['answering', 'silent', 'overloaded'] as const;
export type Mood = (typeof MOODS)[number];

/** Of what an overloaded D1 is sent. */
const REFUSED = 0.8;
/** Of what is sent to a silent D1: carried out at once, and the answer is missing. The rest is carried out at the end of it. */
const CARRIED_OUT = 0.5;
const LOOK_MS = 20;

let mood: Mood = 'answering';

export function setMood(next: Mood): void {
  mood = next;
}

/** The same database, in the mood of the moment. */
export function moodyDatabase(real: D1Database): D1Database {
  return wrapDatabase(real, inMood);
}

async function inMood<T>(send: () => Promise<T>): Promise<T> {
  if (mood === 'overloaded' && Math.random() < REFUSED)
    throw new Error('D1_ERROR: D1 DB is overloaded. Requests queued for too long.');
  if (mood !== 'silent') return send();
  const early = Math.random() < CARRIED_OUT ? send() : undefined;
  early?.catch(() => undefined);
  while (isSilent()) await scheduler.wait(LOOK_MS);
  return early ?? send();
}

function isSilent(): boolean {
  return mood === 'silent';
}
