/**
 * `orp setup`: leads a person from the sign-in to the first answered prompt. It does only the steps that are missing, so it can
 * be stopped and run again at any time. Programs get the state of each step.
 */

import type { Command } from 'commander';
import { EXIT_NEGATIVE } from '../base/exit.ts';
import { oneLine } from '../base/one-line.ts';
import { requireGit } from '../git/repository.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { type Line, printResult } from '../output/print.ts';
import { canPick } from '../output/terminal.ts';
import { gatherSetup, STEPS, type Step } from './setup-state.ts';
import { type Shell, withCommonOptions } from './shell.ts';

const AFTER = `
On a terminal, it asks at most five questions, does what is missing, and shows the answer of your agent to a first prompt.
Run it again to see what is done. In a pipe and with --json, it changes nothing: it shows each step and its command.
The service is optional.`;

export function registerSetup(command: Command, shell: Shell): void {
  withCommonOptions(command.addHelpText('after', AFTER)).action((options: CommonOptions) =>
    shell.run({ ...options, pager: false }, setup),
  );
}

async function setup(context: Context): Promise<number> {
  if (!canPick(context)) return showState(context);
  const { root } = requireGit(await context.repository());
  const { SETUP_STEPS } = await import('./setup-steps.ts');
  context.stdout.write(`Setting up orp in ${oneLine(root)}\n\n`);
  let hasChanged = false;
  for (const name of STEPS) {
    const { steps } = await gatherSetup(context);
    // If an earlier step has changed a link or a session, the change must still be sent to the server.
    const isDone = steps[name].done && !(name === 'sync' && hasChanged);
    if (!isDone) {
      const isComplete = await SETUP_STEPS[name](context);
      hasChanged ||= name === 'link' || name === 'session';
      if (!isComplete) {
        context.stdout.print(said('idle', steps[name].message));
        continue;
      }
    }
    // Print only the agent's answer, because it shows that the step succeeded.
    if (isDone || name !== 'hello') {
      context.stdout.print(said('done', (await gatherSetup(context)).steps[name].message));
    }
  }
  const { steps, status } = await gatherSetup(context);
  context.stdout.print([
    '\n',
    said('done', 'orp is set up. Send work from any machine on which you are signed in:'),
    said('next', 'orp job submit "Run the tests and fix what fails" --wait'),
    steps.service.done || status.runner.running
      ? ''
      : said('next', 'orp runner work   (runs jobs while this terminal is open)'),
  ]);
  return 0;
}

async function showState(context: Context): Promise<number> {
  const { steps } = await gatherSetup(context);
  const list = STEPS.map((name) => steps[name]);
  const missing = list.filter(({ done, optional }) => !done && !optional);
  const ok = missing.length === 0;
  const next = list.filter(({ done }) => !done).map(({ command }) => command);
  const document = { ok, steps: list, next_actions: next };
  printResult(context, document, {
    lines: [
      ['ok', ok],
      ...list.map(({ step, done }: Step): Line => [`step.${step}`, done]),
      ...(ok ? [] : [['note', 'Run `orp setup` on a terminal, or these commands one by one.'] as const]),
      ...next.map((command): Line => ['next', command]),
    ],
    page: () => [
      list.map(({ done, message }) => said(done ? 'done' : 'idle', message)),
      next.length === 0 ? '' : ['\n', next.map((command) => said('next', command))],
    ],
  });
  return ok ? 0 : EXIT_NEGATIVE;
}
