/** What a command works with: where it was called, whether it speaks JSON, its streams and its clock. */

import type { Readable, Writable } from 'node:stream';
import { resolvePath } from './link/paths.ts';
import { type Repository, resolveRepo, resolveRepoHere } from './link/repository.ts';

/** The process around a command; tests bring their own. */
export interface Surroundings {
  env: NodeJS.ProcessEnv;
  cwd: string;
  stdin: Readable & { isTTY?: boolean };
  stdout: Writable & { isTTY?: boolean; columns?: number };
  stderr: Writable & { isTTY?: boolean };
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

export interface Context extends Surroundings {
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
export function makeContext(surroundings: Surroundings, options: CommonOptions): Context {
  const { cwd, env } = surroundings;
  const named = options.repoRoot?.trim() ?? '';
  const isNamed = named !== '';
  const repoRoot = resolvePath(cwd, isNamed ? named : '.');
  let repository: Promise<Repository> | undefined;
  const json = options.json ?? false;
  return {
    ...surroundings,
    repoRoot,
    configPath: resolvePath(repoRoot, options.config?.trim() || 'orp.yml'),
    baseUrl: options.baseUrl?.trim() ?? '',
    json,
    repository: () => {
      repository ??= (isNamed ? resolveRepo : resolveRepoHere)(repoRoot, env);
      return repository;
    },
    warn: (message, hint) => surroundings.stderr.write(formatWarning({ message, hint }, json)),
  };
}

/** The same context with other streams; warnings follow. */
export function withStreams(context: Context, streams: Pick<Surroundings, 'stdout' | 'stderr'>): Context {
  return {
    ...context,
    ...streams,
    warn: (message, hint) => streams.stderr.write(formatWarning({ message, hint }, context.json)),
  };
}

function formatWarning(warning: { message: string; hint: string | undefined }, json: boolean): string {
  if (json) return `${JSON.stringify({ warning: warning.message, hint: warning.hint })}\n`;
  return `warning: ${warning.message}\n${warning.hint === undefined ? '' : `hint: ${warning.hint}\n`}`;
}
