/** `orp job submit`: reads the prompt from an argument, a file or stdin, and chooses the target. */

import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import * as z from 'zod/mini';
import { type BodyInput, idempotencyKey } from '../../spec/contract/endpoint.ts';
import { enqueueJob } from '../../spec/contract/jobs.ts';
import {
  type LeaseLossPolicy,
  MAX_EXPIRY_MS,
  MAX_PROMPT_BYTES,
  type SessionFallback,
  type UsageLimitPolicy,
} from '../../spec/job/kinds.ts';
import { CliError, usageError } from '../base/exit.ts';
import { call, requireOffer } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { isMissing } from '../files/json-file.ts';
import { resolvePath } from '../files/paths.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import { isLinkable, requireGit } from '../git/repository.ts';
import { wholeId } from '../hosted/whole-id.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { printResult } from '../output/print.ts';
import { canPick } from '../output/terminal.ts';
import { invalidLink, type ProjectLink, readProjectLinkFile } from '../records/project-link.ts';
import { submittedPage } from './job-pages.ts';

export interface SubmitOptions extends CommonOptions {
  file?: string;
  ideaId?: string;
  worldId?: string;
  machineId?: string;
  projectRoot?: string;
  orpSessionId?: string;
  codexSessionId?: string;
  anywhere?: boolean;
  sessionFallback?: SessionFallback;
  priority?: number;
  notBefore?: string;
  expiresAt?: string;
  onLeaseLoss?: LeaseLossPolicy;
  onUsageLimit?: UsageLimitPolicy;
  maxAttempts?: number;
  timeoutSeconds?: number;
  idempotencyKey?: string;
  wait?: boolean;
  /** In seconds. */
  waitTimeout: number;
}

type Order = BodyInput<typeof enqueueJob>;

/**
 * Queues the prompt and shows the next commands, or waits for the answer. A person at a terminal who gave no prompt writes it
 * in the editor, after everything else was checked.
 */
export async function submit(
  context: Context,
  argument: string | undefined,
  options: SubmitOptions,
): Promise<number> {
  const key = readKey(options);
  if (argument !== undefined || options.file !== undefined || !canPick(context)) {
    const prompt = await readPrompt(context, argument, options.file);
    return send(context, { prompt, key, options, target: await targetOf(context, options) });
  }
  const target = await targetOf(context, options);
  await signedInClient(context);
  const { prompt, forget, keep } = (await import('./prompt-editor.ts')).writePrompt(context);
  let isQueued = false;
  try {
    requireFit(prompt);
    return await send(context, { prompt, key, options, target, onQueued: () => (isQueued = true) });
  } finally {
    if (isQueued) forget();
    else keep();
  }
}

interface Sent {
  prompt: string;
  key: string | undefined;
  options: SubmitOptions;
  target: Partial<Order>;
  onQueued?: () => void;
}

async function send(context: Context, { prompt, key, options, target, onQueued }: Sent): Promise<number> {
  const client = await signedInClient(context);
  if (options.onUsageLimit !== undefined) await requireOffer(client, 'usage-limit');
  target.ideaId = (await wholeId(client, 'idea', options.ideaId)) ?? target.ideaId;
  target.machineId = (await wholeId(client, 'machine', options.machineId)) ?? target.machineId;
  const answer = await call(client, enqueueJob, {
    body: compactOrder({ prompt, ...target, ...termsOf(options, context.now()) }),
    ...(key === undefined ? {} : { headers: { 'Idempotency-Key': key } }),
  });
  onQueued?.();
  const { job, created } = answer;
  if (options.wait) {
    const { answerOf } = await import('./job-answer.ts');
    if (!context.json) context.stderr.write(`${created ? 'Queued' : 'Already queued as'} ${job.id}\n`);
    return answerOf(context, { client, jobId: job.id, timeout: options.waitTimeout });
  }
  printResult(context, answer, {
    lines: [
      ['job.id', job.id],
      ['job.status', job.status],
      ['job.created', created],
      ['job.idea_id', job.ideaId],
      ['job.waiting', job.waiting?.message],
      ['job.note', job.waiting?.note],
      ['next', `orp job wait ${job.id}`],
      ['next', `orp job logs ${job.id} --follow`],
    ],
    page: () => submittedPage(answer),
  });
  return 0;
}

/** An idempotency key identifies one request body, so the same options must always produce the same body. */
function readKey(options: SubmitOptions): string | undefined {
  const { notBefore, expiresAt } = options;
  const read = z.optional(idempotencyKey).safeParse(options.idempotencyKey);
  if (!read.success) {
    throw usageError(
      `--idempotency-key ${JSON.stringify(options.idempotencyKey)} ${read.error.issues[0]?.message}.`,
      'Use a UUID, or omit the option.',
    );
  }
  for (const [flag, value] of Object.entries({ '--not-before': notBefore, '--expires-at': expiresAt })) {
    if (read.data !== undefined && value !== undefined && spanMs(value) !== undefined) {
      throw usageError(
        `${flag} ${value} is relative, so repeating the command with the same --idempotency-key would send a different time.`,
        `Use an absolute time, such as ${flag} 2026-04-01T18:00:00Z.`,
      );
    }
  }
  return read.data;
}

async function readPrompt(
  context: Context,
  argument: string | undefined,
  file: string | undefined,
): Promise<string> {
  if (argument !== undefined && file !== undefined) {
    throw usageError('The prompt is given twice.', 'Pass it as an argument or with --file, not both.');
  }
  if (argument === undefined && file === undefined) {
    throw usageError(
      'No prompt given.',
      'Pass it as an argument, with --file <path>, or use - to read stdin.',
    );
  }
  const prompt = file !== undefined ? await readPromptFile(resolvePath(context.cwd, file)) : argument;
  const said = prompt === '-' && file === undefined ? await text(context.stdin) : (prompt ?? '');
  if (said.trim() === '') throw usageError('The prompt is blank.', 'Write what the agent should do.');
  requireFit(said);
  return said;
}

function requireFit(prompt: string): void {
  const bytes = Buffer.byteLength(prompt);
  if (bytes > MAX_PROMPT_BYTES) {
    throw usageError(
      `The prompt has ${bytes} bytes; the limit is ${MAX_PROMPT_BYTES}.`,
      'Put the long part in a file in the repository and name the file in the prompt.',
    );
  }
}

async function readPromptFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) throw usageError(`File not found: ${path}.`, 'Check the path after --file.');
    throw error;
  }
}

const PLACES = ['ideaId', 'worldId', 'machineId', 'projectRoot'] as const;

/**
 * Chooses the target. Without a target option it is the linked repository of the current directory. "Any machine" must be
 * explicit, so that the current directory never causes it by accident.
 */
async function targetOf(context: Context, options: SubmitOptions): Promise<Partial<Order>> {
  const { ideaId, worldId, machineId, projectRoot, orpSessionId, codexSessionId, sessionFallback } = options;
  const named = { ideaId, worldId, machineId, projectRoot, orpSessionId, codexSessionId };
  for (const [name, value] of Object.entries(named)) {
    if (value?.trim() === '') throw usageError(`The value of ${name} is blank.`, 'Omit the option.');
  }
  const asked: Partial<Order> = compactOrder({ ...named, sessionFallback });
  const isTargeted = Object.values(named).some((value) => value !== undefined);
  if (options.anywhere && isTargeted) {
    throw usageError('--anywhere cannot be combined with a target.', 'Pass either the target or --anywhere.');
  }
  if (options.anywhere || PLACES.some((place) => options[place] !== undefined)) return asked;
  const link = await linkHere(context);
  if (link !== undefined) return { ideaId: link.idea_id, projectRoot: link.project_root, ...asked };
  if (isTargeted) return asked;
  throw new CliError(`No target given, and ${context.repoRoot} is not a linked repository.`, {
    code: 'no_target',
    hint: 'Link this repository with `orp setup`, change to a linked one, or pass a target such as --idea-id or --anywhere.',
  });
}

/** Reads the link of the current repository. An unreadable link is an error and does not count as missing. */
async function linkHere(context: Context): Promise<ProjectLink | undefined> {
  const repository = await context.repository();
  if (!isLinkable(repository)) {
    if (repository.gitSays !== undefined) requireGit(repository);
    return undefined;
  }
  const file = readProjectLinkFile(repository, context.now());
  if (file.kind === 'invalid') throw invalidLink(repository);
  return file.kind === 'linked' ? file.link : undefined;
}

function termsOf(options: SubmitOptions, now: number): Partial<Order> {
  const { priority, onLeaseLoss, onUsageLimit, maxAttempts, timeoutSeconds } = options;
  return {
    priority,
    onLeaseLoss,
    onUsageLimit,
    maxAttempts,
    timeoutSeconds,
    notBefore: readWhen('--not-before', options.notBefore, now),
    expiresAt: readWhen('--expires-at', options.expiresAt, now),
  };
}

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Converts a duration such as `2h` to milliseconds. Returns undefined if the text is not a duration. */
function spanMs(value: string): number | undefined {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(value.trim()) ?? [];
  return unit === undefined ? undefined : Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

/** Reads an absolute time or a duration from now. */
function readWhen(flag: string, value: string | undefined, now: number): string | undefined {
  if (value === undefined) return undefined;
  const span = spanMs(value);
  const at = span === undefined ? parseTimestamp(value) : now + span;
  if (at !== undefined && at <= now + MAX_EXPIRY_MS) return new Date(at).toISOString();
  if (at !== undefined) {
    throw usageError(
      `${flag} ${JSON.stringify(value)} is too far ahead.`,
      'The limit is 90 days, for example 90d.',
    );
  }
  throw usageError(
    `${flag} ${JSON.stringify(value)} is not a time.`,
    'Use a time such as 2026-04-01T18:00:00Z, or a duration from now: 30s, 15m, 2h, 1d.',
  );
}

/** Omits fields that are not given, so that the server's defaults apply. */
function compactOrder<T extends object>(order: T): T {
  return Object.fromEntries(Object.entries(order).filter(([, value]) => value !== undefined)) as T;
}
