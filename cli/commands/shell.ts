/** Connects commander to the commands. It builds the context, runs one command, and keeps its exit code. */

import { type Command, Option } from 'commander';
import { type CommonOptions, type Context, makeContext, type Streams } from '../output/context.ts';

/** The body of a command. Returns its exit code. Undefined means 0. */
export type Work = (context: Context) => Promise<number | undefined> | Promise<void>;

export class Shell {
  readonly surroundings: Streams;
  readonly #program: Command;
  exitCode = 0;

  constructor(surroundings: Streams, program: Command) {
    this.surroundings = surroundings;
    this.#program = program;
  }

  /** Runs a command with its own options and the global ones. */
  async run(options: CommonOptions, work: Work): Promise<void> {
    const context = makeContext(this.surroundings, { ...this.#program.opts(), ...options });
    if (options.fields !== undefined || options.jq !== undefined) {
      context.shape = await (await import('../output/select.ts')).makeShape(options);
    }
    this.exitCode = (await work(context)) ?? 0;
  }
}

/** Adds the commands of one file to their group. */
export type Register = (group: Command, shell: Shell) => void;

/** Adds `--base-url` and `--json`. */
export function withCommonOptions(command: Command): Command {
  return withJson(command.option('--base-url <url>', 'server URL'));
}

/** Adds `--json`, `--fields` and `--jq`. */
export function withJson(command: Command): Command {
  const options = [
    new Option('--json', 'print one JSON document'),
    new Option('--fields <names>', 'print these fields of the document, separated by commas (jobs.id)'),
    new Option('--jq <filter>', 'filter the document with jq (.jobs[].id)'),
  ];
  for (const option of options) command.addOption(option.helpGroup('Output:'));
  return command;
}

/** The repeatable option `--linked-project-root`. */
export function linkedRootOption(description: string): Option {
  return new Option('--linked-project-root <path>', `${description} (repeatable)`)
    .argParser((value: string, before: string[]) => [...before, value])
    .default([], 'none');
}
