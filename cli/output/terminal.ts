/** Input from people: prompts on a terminal, and secrets from a pipe. */

import { Writable } from 'node:stream';
import { CliError, EXIT_INTERRUPTED, usageError } from '../base/exit.ts';
import type { Context } from './context.ts';
import { visible } from './text-output.ts';

/** Returns whether a person can answer a prompt. stdout may be a pipe, because prompts go to stderr. */
export function canAsk(context: { stdin: { isTTY?: boolean }; stderr: { isTTY?: boolean } }): boolean {
  return context.stdin.isTTY === true && context.stderr.isTTY === true;
}

/** Returns whether a person can choose from a list: they answer at the terminal, and read pages (not JSON or lines). */
export function canPick(context: Pick<Context, 'form' | 'stdin' | 'stderr'>): boolean {
  return context.form === 'page' && canAsk(context);
}

/** Asks for one line, without echo for secrets. Ctrl-C ends the command. */
export async function ask(
  context: Pick<Context, 'stdin' | 'stderr'>,
  question: { message: string; isSecret: boolean },
): Promise<string> {
  const { createInterface } = await import('node:readline');
  const { stdin } = context;
  // Readline moves the cursor, so it writes to the device and not to the escaped stream.
  const stderr = context.stderr.device;
  const prompt = visible(`${question.message} `);
  if (question.isSecret) stderr.write(prompt);
  // Readline echoes what a person types to its output. For a secret, readline has no output.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({
    input: stdin,
    output: question.isSecret ? nowhere : stderr,
    terminal: true,
    historySize: 0,
    prompt,
  });
  try {
    return await new Promise<string>((answer, refuse) => {
      reader.on('line', answer);
      reader.on('close', () => answer(''));
      reader.on('SIGINT', () =>
        refuse(new CliError('Interrupted.', { code: 'interrupted', exitCode: EXIT_INTERRUPTED })),
      );
      reader.prompt();
    });
  } finally {
    reader.close();
    if (question.isSecret) stderr.write('\n');
  }
}

/** Reads stdin without the final newline. Keeps spaces, which may belong to a password. */
export async function readSecret(context: Pick<Context, 'stdin'>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of context.stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/[\r\n]+$/, '');
}

interface SecretSource {
  /** For messages: `password`. */
  name: string;
  flag: string | undefined;
  fromStdin: boolean | undefined;
}

/** Reads a secret from its flag, from stdin or from the terminal. */
export async function readSecretFrom(context: Context, source: SecretSource): Promise<string> {
  const { name, flag, fromStdin } = source;
  if (flag !== undefined && fromStdin) {
    throw usageError(`--${name} and --${name}-stdin cannot be used together.`, `Use --${name}-stdin.`);
  }
  const secret = await readFrom(context, source);
  if (secret.trim() !== '') return secret;
  throw usageError(
    `The ${name} is blank.`,
    `Pass it with --${name}-stdin, or run the command on a terminal.`,
  );
}

async function readFrom(context: Context, { name, flag, fromStdin }: SecretSource): Promise<string> {
  if (flag !== undefined) return flag.trim();
  if (fromStdin) return readSecret(context);
  return canAsk(context) ? ask(context, { message: `${capitalise(name)}:`, isSecret: true }) : '';
}

export function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
