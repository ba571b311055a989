/**
 * Returns the words with which a shell can complete a command line: commands, options and ids. After an error it returns
 * none.
 */

import type { Command } from 'commander';
import { isLinkable } from '../git/repository.ts';
import { type Context, makeContext, type Streams } from '../output/context.ts';
import { readSessions } from '../records/sessions/sessions.ts';

/** Only ids with these characters are offered, because shells split words at other characters. */
const PLAIN = /^[A-Za-z0-9@._:-]{1,200}$/;
const MOST_JOBS = 50;

/** @param words the words after `orp`. The user is typing the last word, which may be empty. */
export async function candidates(
  program: Command,
  words: readonly string[],
  surroundings: Streams,
): Promise<string[]> {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = commandOf(program, before);
  const all = await fitting(command, { typed, last: before.at(-1) ?? '' }, surroundings);
  return [...new Set(all)].filter((word) => word.startsWith(typed) && PLAIN.test(word));
}

function commandOf(program: Command, words: readonly string[]): Command {
  let command = program;
  for (const word of words) {
    const below = command.commands.find((candidate) => candidate.name() === word);
    if (below !== undefined) command = below;
  }
  return command;
}

async function fitting(
  command: Command,
  { typed, last }: { typed: string; last: string },
  surroundings: Streams,
): Promise<readonly string[]> {
  const option = command.options.find(({ long, required }) => required && long === last);
  if (option !== undefined) return option.argChoices ?? idsFor(last.replace(/^--/, ''), surroundings);
  if (typed.startsWith('-')) {
    return [...command.options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : [])), '--help'];
  }
  if (command.commands.length > 0) return command.commands.map((below) => below.name());
  const [argument] = command.registeredArguments;
  return argument === undefined ? [] : idsFor(argument.name(), surroundings);
}

/** Returns the ids for an argument or an option with this name. */
async function idsFor(name: string, surroundings: Streams): Promise<readonly string[]> {
  const context = makeContext(surroundings, {});
  try {
    if (/^(job-id|thing)$/.test(name)) {
      const { findLiveJobs } = await import('../hosted/live-jobs.ts');
      const jobs = await findLiveJobs(context, MOST_JOBS).catch(() => []);
      return ['@last', '@running', ...jobs.map(({ id }) => id)];
    }
    if (/^(orp-)?session-id$/.test(name)) return await sessionIds(context);
    if (name === 'idea-id') return await ideaIds(context);
  } catch {
    return [];
  }
  return [];
}

async function sessionIds(context: Context): Promise<string[]> {
  const repository = await context.repository();
  if (!isLinkable(repository)) return [];
  return readSessions(repository, context.now()).sessions.map(({ record }) => record.orp_session_id);
}

async function ideaIds(context: Context): Promise<string[]> {
  const { findIdeaIds } = await import('../hosted/live-jobs.ts');
  return findIdeaIds(context);
}
