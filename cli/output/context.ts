/** What a command works with: where it was called, whether it speaks JSON, its streams and its clock. */

import type { Readable } from 'node:stream';
import { usageError } from '../base/exit.ts';
import { oneLine } from '../base/one-line.ts';
import { resolvePath } from '../files/paths.ts';
import { type Repository, resolveRepo, resolveRepoHere } from '../git/repository.ts';
import { type Device, paint, type Rich, TextOutput } from './text-output.ts';

/** The process around a command; tests bring their own. */
export interface Streams {
  env: NodeJS.ProcessEnv;
  cwd: string;
  stdin: Readable & { isTTY?: boolean };
  stdout: Device;
  stderr: Device;
  /** Epoch ms. */
  now(): number;
}

/** The global options, and those that nearly every command has. */
export interface CommonOptions {
  repoRoot?: string | undefined;
  config?: string | undefined;
  baseUrl?: string | undefined;
  json?: boolean | undefined;
}

/**
 * How a result is shown: `json` where it is asked for, `page` (sentences and tables) for a person at a terminal, `lines`
 * (`key=value`) for everything that reads a pipe.
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
  /** `--base-url`; blank when not given. */
  baseUrl: string;
  /** One JSON document on stdout instead of lines for people. */
  json: boolean;
  /** The repository around `repoRoot`, looked up once. Throws when git's variables name another one and nobody named this. */
  repository(): Promise<Repository>;
  /** Says something beside the result: a warning on stderr, with what to do about it. */
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
  const json = options.json ?? false;
  const stdout = new TextOutput(surroundings.stdout, env);
  const stderr = new TextOutput(surroundings.stderr, env);
  return {
    ...surroundings,
    stdout,
    stderr,
    form: json ? 'json' : stdout.isTTY ? 'page' : 'lines',
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

/** The same context with other streams; warnings follow. */
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

/** A sentence and what to do about it. */
export function printTold(stderr: TextOutput, sentence: Rich, hint: string | undefined): void {
  stderr.print([sentence, '\n', hint === undefined ? '' : [paint('dim', 'hint:'), ` ${oneLine(hint)}\n`]]);
}
