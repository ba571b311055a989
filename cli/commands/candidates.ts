/**
 * Returns the words with which a shell can complete a command line: commands, options and ids. After an error it returns
 * none.
 */

import type { Command } from 'commander';
import { clip } from '../../spec/text.ts';
import { isLinkable } from '../git/repository.ts';
import { type Context, makeContext, type Streams } from '../output/context.ts';
import { plainText } from '../output/plain-text.ts';
import { readSessions } from '../records/sessions/sessions.ts';

/** Only ids with these characters are offered, because shells split words at other characters. */
const PLAIN = /^[A-Za-z0-9@._:-]{1,200}$/;
const MOST_JOBS = 50;

/** A word to complete, and what it means. */
export interface Candidate {
  word: string;
  about: string;
}

/** What a word means must fit beside it. */
const MOST_ABOUT = 60;

/** @param words the words after `orp`. The user is typing the last word, which may be empty. */
export async function candidates(
  program: Command,
  words: readonly string[],
  surroundings: Streams,
): Promise<Candidate[]> {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = commandOf(program, before);
  const all = await fitting(command, { typed, last: before.at(-1) ?? '' }, surroundings);
  const fit = all.filter(({ word }) => word.startsWith(typed) && PLAIN.test(word));
  return [...new Map(fit.map((each) => [each.word, each])).values()].map(({ word, about }) => ({
    word,
    about: clip(plainText(about).replaceAll(/\s+/g, ' ').trim(), MOST_ABOUT),
  }));
}

function commandOf(program: Command, words: readonly string[]): Command {
  let command = program;
  for (const word of words) {
    const below = command.commands.find((candidate) => candidate.name() === word);
    if (below !== undefined) command = below;
  }
  return command;
}

const plain = (word: string): Candidate => ({ word, about: '' });

async function fitting(
  command: Command,
  { typed, last }: { typed: string; last: string },
  surroundings: Streams,
): Promise<readonly Candidate[]> {
  const option = command.options.find(({ long, required }) => required && long === last);
  if (option !== undefined) {
    return option.argChoices?.map(plain) ?? idsFor(last.replace(/^--/, ''), surroundings);
  }
  if (typed.startsWith('-')) {
    const shown = command.options.filter(({ hidden }) => !hidden);
    return [
      ...shown.flatMap(({ long, description }) => (long ? [{ word: long, about: description }] : [])),
      { word: '--help', about: 'print the help of this command' },
    ];
  }
  const below = command.commands.filter((each) => each.name() !== 'serve');
  if (below.length > 0) return below.map((each) => ({ word: each.name(), about: each.description() }));
  const [argument] = command.registeredArguments;
  if (argument === undefined) return [];
  return argument.argChoices?.map(plain) ?? idsFor(argument.name(), surroundings);
}

/** Returns the ids for an argument or an option with this name, and the names of what they stand for. */
async function idsFor(name: string, surroundings: Streams): Promise<readonly Candidate[]> {
  const context = makeContext(surroundings, {});
  try {
    if (/^(job-id|thing)$/.test(name)) {
      const { findLiveJobs } = await import('../hosted/live-jobs.ts');
      const jobs = await findLiveJobs(context, MOST_JOBS).catch(() => []);
      return [
        { word: '@last', about: 'your newest job' },
        { word: '@running', about: 'the running job' },
        ...jobs.map(({ id, status, promptStart }) => ({ word: id, about: `${status} ${promptStart ?? ''}` })),
      ];
    }
    if (/^(orp-)?session-id$/.test(name)) return await sessionIds(context);
    if (name === 'idea-id') return await (await import('../hosted/live-jobs.ts')).findIdeas(context);
  } catch {
    return [];
  }
  return [];
}

async function sessionIds(context: Context): Promise<Candidate[]> {
  const repository = await context.repository();
  if (!isLinkable(repository)) return [];
  const { sessions } = readSessions(repository, context.now());
  return sessions.map(({ record }) => ({ word: record.orp_session_id, about: record.label }));
}
