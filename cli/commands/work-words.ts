/**
 * Checks the `orp runner work` options of a service, and makes paths absolute, because the service starts in another
 * folder.
 */

import { resolve } from 'node:path';
import { Command } from 'commander';
import { usageError } from '../base/exit.ts';
import { expandHome, resolvePath } from '../files/paths.ts';
import type { Context } from '../output/context.ts';
import type { WorkOptions } from '../runner/start/work-parts.ts';
import { addWorkCommand } from './work-options.ts';

export interface WorkWords {
  words: string[];
  options: WorkOptions;
}

const USAGE =
  'Usage: orp runner install -- [options of orp runner work]. `orp runner work --help` lists them.';

/** Checks the options at installation, because a service could report a misspelled option only in its log. */
export function readWorkWords(given: readonly string[], { cwd }: Pick<Context, 'cwd'>): WorkWords {
  const words = given.map((word, at) => wholePath(word, given[at - 1], cwd));
  const work = workCommand();
  const { operands, unknown } = work.parseOptions(words);
  const [wrong] = [...unknown, ...operands];
  if (wrong !== undefined) throw usageError(`\`orp runner work\` has no option ${wrong}.`, USAGE);
  const once = words
    .map((word) => word.replace(/=.*$/s, ''))
    .find((word) => ['--once', '--dry-run', '--takeover'].includes(word));
  if (once !== undefined) {
    throw usageError(`${once} cannot be used with a service, which runs until it is stopped.`, USAGE);
  }
  return { words, options: work.opts() };
}

function workCommand(): Command {
  return addWorkCommand(new Command('runner'))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
}

/** The service starts in the home folder. A name without a folder is looked up on the PATH. */
function wholePath(word: string, before: string | undefined, cwd: string): string {
  const [name = '', value] = /^(--[a-z-]+)=(.*)$/s.exec(word)?.slice(1) ?? [before, undefined];
  const path = value ?? word;
  const isPath = name === '--linked-project-root' || (name === '--codex-bin' && path.includes('/'));
  if (!isPath) return word;
  // Keep symbolic links to executables: an upgrade changes their target.
  const whole = name === '--codex-bin' ? resolve(cwd, expandHome(path)) : resolvePath(cwd, path);
  return value === undefined ? whole : `${name}=${whole}`;
}
