/** `orp runner drain|resume`: makes a machine stop or restart claiming. Works from any signed-in `orp`. */

import type { Command } from 'commander';
import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import { drainMachine } from '../../spec/contract/machines.ts';
import { MACHINE_ID_PATTERN } from '../../spec/ids.ts';
import { usageError } from '../base/exit.ts';
import { call } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { isLinkable } from '../git/repository.ts';
import { withId } from '../hosted/whole-id.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { said } from '../output/page.ts';
import { printResult } from '../output/print.ts';
import type { Rich } from '../output/text-output.ts';
import { loadMachine } from '../records/machine.ts';
import { recordDrained } from '../runner/start/live-record.ts';
import { type Shell, withCommonOptions } from './shell.ts';

interface DrainOptions extends CommonOptions {
  machineId?: string;
  reason?: string;
}

export function registerRunnerDrain(group: Command, shell: Shell): void {
  register(group, shell, {
    name: 'drain',
    meaning: 'finish running jobs and stop claiming',
  });
  register(group, shell, { name: 'resume', meaning: 'start claiming again after a drain' });
}

const AFTER_HELP = `
The server keeps this setting while the machine is off. \`orp runner status --hosted\` shows it as presence.draining.
To stop the runner itself, press Ctrl-C in its terminal, or run \`orp runner uninstall\` if it is a service.`;

function register(
  group: Command,
  shell: Shell,
  { name, meaning }: { name: 'drain' | 'resume'; meaning: string },
): void {
  withCommonOptions(
    group
      .command(name)
      .description(meaning)
      .option('--machine-id <id>', 'machine to change (default: this one)')
      .option('--reason <text>', 'reason, kept in the audit log')
      .addHelpText('after', AFTER_HELP),
  ).action((options: DrainOptions) =>
    shell.run(options, (context) => order(context, { isDraining: name === 'drain', options })),
  );
}

async function order(
  context: Context,
  { isDraining, options }: { isDraining: boolean; options: DrainOptions },
): Promise<void> {
  const own = await ownMachineId(context);
  const machineId = options.machineId?.trim() || own;
  if (!MACHINE_ID_PATTERN.test(machineId)) {
    throw usageError(
      `--machine-id ${JSON.stringify(machineId)} is not a machine id.`,
      '`orp runner status` shows it.',
    );
  }
  const client = await signedInClient(context);
  const body = { draining: isDraining, reason: options.reason?.trim() || null };
  const answer = await withId(client, { kind: 'machine', given: machineId }, (id) =>
    call(client, drainMachine, { params: { machineId: id }, body }),
  );
  if (answer.machine.id === own) {
    recordDrained({ env: context.env, machineId: own }, answer.machine.draining, context.now());
  }
  printResult(context, answer, {
    lines: [
      ['ok', true],
      ['machine.id', answer.machine.id],
      ['machine.name', answer.machine.name],
      ['machine.draining', answer.machine.draining],
      ['changed', answer.changed],
    ],
    page: () => drainPage(answer, options),
  });
}

function drainPage({ machine, changed }: ReplyOf<typeof drainMachine>, { machineId }: DrainOptions): Rich {
  const already = changed ? '' : ' already';
  if (!machine.draining)
    return said('done', `${machine.name} ${changed ? 'claims jobs again' : 'already claims jobs'}.`);
  return [
    said('done', `${machine.name} is${already} drained: it finishes running jobs and claims no new ones.`),
    said(
      'next',
      machineId === undefined ? 'orp runner resume' : `orp runner resume --machine-id ${machine.id}`,
    ),
  ];
}

async function ownMachineId(context: Context): Promise<string> {
  const repository = await context.repository();
  const { record } = await loadMachine({
    env: context.env,
    now: context.now(),
    repository: isLinkable(repository) ? repository : undefined,
  });
  return record.machine_id;
}
