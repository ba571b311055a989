/** `orp open`: opens a page in the browser. If the output is a pipe, it prints the address instead. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Command } from 'commander';
import { usageError } from '../base/exit.ts';
import { signedInClient } from '../client/client.ts';
import { isLinkable } from '../git/repository.ts';
import { wholeId, withJob } from '../hosted/whole-id.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { printResult } from '../output/print.ts';
import { readProjectLink } from '../records/project-link.ts';
import { type Shell, withCommonOptions } from './shell.ts';

/** The pages of the server (workers/pages). */
const PAGES = ['inbox', 'jobs', 'ideas', 'send', 'settings'];

export function registerOpen(command: Command, shell: Shell): void {
  withCommonOptions(
    command
      .argument('[thing]', `${PAGES.join(', ')}, a job, an idea, @last, @running, or here (default: inbox)`)
      .option('--print', 'print the address only'),
  ).action((thing: string | undefined, options: OpenOptions) =>
    shell.run(options, (context) => open(context, thing ?? 'inbox', options)),
  );
}

interface OpenOptions extends CommonOptions {
  print?: boolean;
}

async function open(context: Context, thing: string, { print }: OpenOptions): Promise<void> {
  const client = await signedInClient(context);
  const url = new URL(await pathOf(context, client, thing), client.baseUrl).href;
  const isOpened = context.form === 'page' && !print && (await startBrowser(context, url));
  printResult(
    context,
    { ok: true, url, opened: isOpened },
    {
      // Print only the address on its line, so that another command can read it.
      lines: () => `${url}\n`,
      page: () => (isOpened ? said('done', `Opened ${url}`) : `${url}\n`),
    },
  );
}

async function pathOf(
  context: Context,
  client: Awaited<ReturnType<typeof signedInClient>>,
  thing: string,
): Promise<string> {
  if (PAGES.includes(thing)) return `/${thing}`;
  if (thing === 'here') return `/ideas/${encodeURIComponent(await ideaHere(context))}`;
  if (thing.startsWith('ide_')) return `/ideas/${encodeURIComponent(await wholeId(client, 'idea', thing))}`;
  if (!/^(@|job_)/.test(thing)) {
    throw usageError(
      `There is no page ${JSON.stringify(thing)}.`,
      `Pages: ${PAGES.join(', ')}, here, or an id.`,
    );
  }
  const jobId = thing.startsWith('@')
    ? await withJob(client, thing, async (id) => id)
    : await wholeId(client, 'job', thing);
  return `/jobs/${encodeURIComponent(jobId)}`;
}

async function ideaHere(context: Context): Promise<string> {
  const repository = await context.repository();
  const link = isLinkable(repository) ? readProjectLink(repository, context.now()) : undefined;
  if (link !== undefined) return link.idea_id;
  throw usageError(
    'This repository is not linked to an idea.',
    'Run `orp link project bind --idea-id <idea-id>`.',
  );
}

/** Starts the browser. Returns false if that fails, and the command then prints the address. */
async function startBrowser({ env }: Context, url: string): Promise<boolean> {
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(program, [url], { env, stdio: 'ignore' });
  try {
    const [code] = await once(child, 'exit');
    return code === 0;
  } catch {
    // The program is missing.
    return false;
  }
}
