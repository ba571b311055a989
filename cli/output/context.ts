/** The context of a command: its repository, output form, streams and clock. */

import type { Readable } from 'node:stream';
import { usageError } from '../base/exit.ts';
import { oneLine } from '../base/one-line.ts';
import { resolvePath } from '../files/paths.ts';
import { type Repository, resolveRepo, resolveRepoHere } from '../git/repository.ts';
import { pagerOf } from './pager.ts';
import type { Shape } from './select.ts';
import { type Device, Hanging, paint, type Rich, TextOutput } from './text-output.ts';

/** The process around a command. Tests provide their own. */
export interface Streams {
  env: NodeJS.ProcessEnv;
  cwd: string;
  stdin: Readable & { isTTY?: boolean };
  stdout: Device;
  stderr: Device;
  /** Epoch ms. */
  now(): number;
}

/** The global options, and the options that most commands share. */
export interface CommonOptions {
  repoRoot?: string | undefined;
  config?: string | undefined;
  baseUrl?: string | undefined;
  /** False with `--no-pager`. */
  pager?: boolean | undefined;
  json?: boolean | undefined;
  /** The names of the fields to print. Implies `--json`. */
  fields?: string | undefined;
  /** The jq filter for the document. Implies `--json`. */
  jq?: string | undefined;
}

/**
 * The output form: `json` with `--json`, `page` (sentences and tables) on a terminal, and otherwise `lines` (`key=value`).
 */
export type Form = 'json' | 'page' | 'lines';

export interface Context extends Omit<Streams, 'stdout' | 'stderr'> {
  stdout: TextOutput;
  stderr: TextOutput;
  form: Form;
  /** `--repo-root`: absolute, symlinks resolved. */
  repoRoot: string;
  /** `--config`: absolute. */
  configPath: string;
  /** The value of `--base-url`. Empty if the option is not given. */
  baseUrl: string;
  /** Print one JSON document on stdout. */
  json: boolean;
  /** Turns the document into the text to print, with `--fields` or `--jq`. */
  shape?: Shape;
  /**
   * Returns the repository at `repoRoot`, from a cache. Without `--repo-root`, throws if git environment variables name
   * another repository.
   */
  repository(): Promise<Repository>;
  /** Prints a warning and a hint on stderr, apart from the result. */
  warn(message: string, hint?: string): void;
}

/** Builds the context of one command. */
export function makeContext(surroundings: Streams, options: CommonOptions): Context {
  const { cwd, env } = surroundings;
  const named = options.repoRoot?.trim() ?? '';
  const isNamed = options.repoRoot !== undefined;
  if (isNamed && named === '')
    throw usageError('--repo-root is blank.', 'Name a folder, or omit the option.');
  const repoRoot = resolvePath(cwd, isNamed ? named : '.');
  let repository: Promise<Repository> | undefined;
  const json = options.json || options.fields !== undefined || options.jq !== undefined;
  const stdout = new TextOutput(surroundings.stdout, env);
  const stderr = new TextOutput(surroundings.stderr, env);
  const form = json ? 'json' : stdout.isTTY ? 'page' : 'lines';
  if (form === 'page' && options.pager !== false) stdout.pager = pagerOf(env);
  return {
    ...surroundings,
    stdout,
    stderr,
    form,
    repoRoot,
    configPath: resolvePath(repoRoot, options.config?.trim() || 'orp.yml'),
    baseUrl: options.baseUrl?.trim() ?? '',
    json,
    repository: () => {
      repository ??= (isNamed ? resolveRepo : resolveRepoHere)(repoRoot, env);
      return repository;
    },
    warn: (message, hint) => writeWarning(stderr, { message, hint }, json),
  };
}

/** Returns a copy of the context with other streams, which also get the warnings. */
export function withStreams(context: Context, devices: Pick<Streams, 'stdout' | 'stderr'>): Context {
  const stdout = new TextOutput(devices.stdout, context.env);
  const stderr = new TextOutput(devices.stderr, context.env);
  return {
    ...context,
    stdout,
    stderr,
    warn: (message, hint) => writeWarning(stderr, { message, hint }, context.json),
  };
}

interface Warning {
  message: string;
  hint: string | undefined;
}

function writeWarning(stderr: TextOutput, { message, hint }: Warning, json: boolean): void {
  if (json) stderr.write(`${JSON.stringify({ warning: message, hint })}\n`);
  else printTold(stderr, [paint('yellow', 'warning:'), ` ${oneLine(message)}`], hint);
}

/** The indent of the further lines of an error or a hint. */
const INDENT = 2;

/** Prints a sentence and its hint. */
export function printTold(stderr: TextOutput, sentence: Rich, hint: string | undefined): void {
  const lines: Rich[] = [new Hanging(INDENT, sentence), '\n'];
  if (hint !== undefined) lines.push(new Hanging(INDENT, [paint('dim', 'hint:'), ` ${oneLine(hint)}`]), '\n');
  stderr.print(lines);
}
