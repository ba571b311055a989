/**
 * Shows a person at the terminal a list of jobs, sessions or ideas if the id is missing from a command. Pipes and programs get the usage
 * error instead.
 */

import { listIdeas } from '../../spec/contract/ideas.ts';
import { listJobs } from '../../spec/contract/jobs.ts';
import { CliError } from '../base/exit.ts';
import { call, send } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { readString } from '../files/fields.ts';
import { isObject, type JsonObject } from '../files/json-file.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import { requireGit } from '../git/repository.ts';
import type { Context } from '../output/context.ts';
import { age, type Cell, table } from '../output/page.ts';
import { ask } from '../output/terminal.ts';
import { readSessions } from '../records/sessions/sessions.ts';
import { jobRows } from './job-pages.ts';

/** The number of entries that fit on a terminal. */
const SHOWN = 15;

export interface Choices<Entry> {
  /** For the question: `Which job?`. */
  noun: string;
  entries: readonly Entry[];
  heads: readonly string[];
  row(entry: Entry): readonly Cell[];
  /** Says why an entry cannot be chosen. */
  refuse?(entry: Entry): string | undefined;
  question?: string;
  /** The entry that Enter chooses. Without it, Enter chooses nothing. */
  preferred?: Entry | undefined;
}

/** Shows a numbered list, and asks for a number. Returns undefined if the person chooses nothing. */
export async function choose<Entry>(context: Context, choices: Choices<Entry>): Promise<Entry | undefined> {
  const { entries, heads, row, refuse, preferred } = choices;
  const rows = entries.map((entry, at) => [{ text: String(at + 1) }, ...row(entry)]);
  context.stderr.print(table(['#', ...heads], rows, context.stderr.columns));
  const range = entries.length === 1 ? '1' : `1-${entries.length}`;
  const usual = preferred === undefined ? 'none' : String(entries.indexOf(preferred) + 1);
  for (;;) {
    const message = `${choices.question ?? `Which ${choices.noun}?`} [${range}, Enter for ${usual}]`;
    const answer = (await ask(context, { message, isSecret: false })).trim();
    if (answer === '') return preferred;
    const chosen = /^\d+$/.test(answer) ? entries[Number(answer) - 1] : undefined;
    const refusal = chosen === undefined ? undefined : refuse?.(chosen);
    if (chosen === undefined) context.warn(`${JSON.stringify(answer)} is not a number of the list.`);
    else if (refusal === undefined) return chosen;
    else context.warn(refusal);
  }
}

/**
 * Lets the person choose the value of a missing argument or option. Returns undefined if there is no list for it.
 *
 * @param command the name of the command without `orp`, such as `job cancel`
 */
export async function pickMissing(
  context: Context,
  { command, name }: { command: string; name: string },
): Promise<string | undefined> {
  if (name === 'job-id') return pickJob(context, command);
  if (name === 'session-id') return pickSession(context, command);
  if (name === 'idea-id') return pickIdea(context, command);
  return undefined;
}

/** The jobs that a command can change. Other commands show the newest jobs. */
const JOB_STATUSES_OF: Readonly<Record<string, string>> = {
  'job wait': 'live',
  'job cancel': 'live',
  'job retry': 'lost,failed,cancelled',
};

async function pickJob(context: Context, command: string): Promise<string> {
  const client = await signedInClient(context);
  const status = JOB_STATUSES_OF[command];
  const { jobs } = await call(client, listJobs, { query: { status, limit: SHOWN } });
  const rows = jobRows(jobs, context.now());
  const job = await pick(context, {
    noun: 'job',
    entries: jobs,
    heads: ['JOB', 'AGE', 'STATUS', 'WHAT'],
    row: (each) => rows[jobs.indexOf(each)] ?? [],
    empty: [
      status === undefined ? 'You have no jobs.' : `You have no job for \`orp ${command}\`.`,
      status === undefined ? 'Send one: `orp job submit "…"`.' : '`orp job list` shows your jobs.',
    ],
  });
  return job.id;
}

async function pickSession(context: Context, command: string): Promise<string> {
  const { sessions } = readSessions(requireGit(await context.repository()), context.now());
  const fits: Record<string, (session: { archived: boolean; primary: boolean }) => boolean> = {
    'link session archive': ({ archived }) => !archived,
    'link session unarchive': ({ archived }) => archived,
    'link session set-primary': ({ archived, primary }) => !archived && !primary,
  };
  const entries = sessions.map(({ record }) => record).filter(fits[command] ?? (() => true));
  const session = await pick(context, {
    noun: 'session',
    entries,
    heads: ['SESSION', 'STATE', 'LABEL'],
    row: ({ orp_session_id: id, archived, primary, label }) => [
      { text: id },
      { text: archived ? 'archived' : primary ? 'primary' : '' },
      { text: label },
    ],
    empty:
      sessions.length === 0
        ? ['This repository has no linked sessions.', 'Link one: `orp link session register`.']
        : [`This repository has no session for \`orp ${command}\`.`, '`orp link session list` shows them.'],
  });
  return session.orp_session_id;
}

async function pickIdea(context: Context, command: string): Promise<string> {
  const client = await signedInClient(context);
  const deleted = command === 'idea restore' ? '1' : undefined;
  const { ideas: found } = await send(client, listIdeas, { query: { limit: SHOWN, deleted } });
  const ideas = (Array.isArray(found) ? found : []).filter(isObject);
  const idea = await pick(context, {
    noun: 'idea',
    entries: ideas,
    heads: IDEA_HEADS,
    row: (each) => ideaRow(each, context.now()),
    empty:
      deleted === undefined
        ? ['You have no ideas.', 'Add one: `orp idea add --title "…"`.']
        : ['You have no removed ideas.', '`orp ideas list` shows your ideas.'],
  });
  return readString(idea, 'id') ?? '';
}

export const IDEA_HEADS = ['AGE', 'TITLE', 'IDEA'] as const;

/** A row of a list of ideas. */
export function ideaRow(idea: JsonObject, now: number): Cell[] {
  const at = parseTimestamp(readString(idea, 'updatedAt') ?? '');
  const texts = [at === undefined ? '' : age(now - at), readString(idea, 'title'), readString(idea, 'id')];
  return texts.map((text) => ({ text: text ?? '' }));
}

async function pick<Entry>(
  context: Context,
  choices: Choices<Entry> & { empty: readonly [message: string, hint: string] },
): Promise<Entry> {
  const [message, hint] = choices.empty;
  if (choices.entries.length === 0) throw new CliError(message, { code: 'not_found', hint });
  const chosen = await choose(context, choices);
  if (chosen !== undefined) return chosen;
  throw new CliError('You chose nothing, so nothing was done.', { code: 'nothing_chosen' });
}
