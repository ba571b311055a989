/**
 * The command line. A group of commands is one row here and one file (or two) in `commands/`; only the group that was
 * asked for is loaded, so that `orp` starts as fast as Node does.
 */

import { Command, CommanderError } from 'commander';
import { commandName, plainArguments } from './arguments.ts';
import { usageError } from './base/exit.ts';
import { clientVersion } from './base/version.ts';
import { type Register, Shell } from './commands/shell.ts';
import type { Streams } from './output/context.ts';
import { visible } from './output/text-output.ts';

interface CommandGroup {
  name: string;
  summary: string;
  examples?: readonly string[];
  /** The files of the group; loaded one after the other until the asked command is there. */
  parts: readonly (() => Promise<Register>)[];
}

const GROUPS: readonly CommandGroup[] = [
  {
    name: 'auth',
    summary: 'sign in and out',
    examples: ['orp auth login --email you@example.org', 'orp auth logout'],
    parts: [async () => (await import('./commands/auth.ts')).registerAuth],
  },
  {
    name: 'whoami',
    summary: 'show who is signed in',
    parts: [async () => (await import('./commands/auth.ts')).registerWhoami],
  },
  {
    name: 'ideas',
    summary: 'list your ideas',
    examples: ['orp ideas list --limit 10'],
    parts: [async () => (await import('./commands/ideas.ts')).registerIdeas],
  },
  {
    name: 'idea',
    summary: 'show and change one idea',
    examples: ['orp idea add --title "Tidal survey" --notes "the plan"', 'orp idea show <idea-id> --json'],
    parts: [async () => (await import('./commands/ideas.ts')).registerIdea],
  },
  {
    name: 'world',
    summary: 'show and bind the repository of an idea',
    examples: ['orp world show <idea-id>'],
    parts: [async () => (await import('./commands/world.ts')).registerWorld],
  },
  {
    name: 'link',
    summary: 'link this repository and its agent sessions',
    examples: [
      'orp link project bind --idea-id <idea-id>',
      'orp link session register --orp-session-id main --label Main --codex-session-id <id> --primary',
      'orp link status',
    ],
    parts: [
      async () => (await import('./commands/link.ts')).registerLink,
      async () => (await import('./commands/link-session.ts')).registerLinkSession,
    ],
  },
  {
    name: 'runner',
    summary: 'let this machine work on jobs',
    examples: ['orp runner enable', 'orp runner sync', 'orp runner work --once'],
    parts: [
      async () => (await import('./commands/runner-local.ts')).registerRunnerLocal,
      async () => (await import('./commands/runner-order.ts')).registerRunnerOrder,
      async () => (await import('./commands/runner-drain.ts')).registerRunnerDrain,
      async () => (await import('./commands/runner-work.ts')).registerRunnerWork,
      async () => (await import('./commands/runner-policy.ts')).registerRunnerPolicy,
      async () => (await import('./commands/runner-service.ts')).registerRunnerService,
    ],
  },
  {
    name: 'job',
    summary: 'send work to your sessions, and see what became of it',
    examples: [
      'orp job submit "Run the tests and fix what fails"',
      'orp job list --status live',
      'orp job logs <job-id> --follow',
    ],
    parts: [async () => (await import('./commands/job.ts')).registerJob],
  },
  {
    name: 'agent',
    summary: 'answer checkpoint reviews, also where nothing is linked (compatibility)',
    examples: ['orp agent work --once', 'orp agent work --agent survey-repo'],
    parts: [async () => (await import('./commands/agent-work.ts')).registerAgentWork],
  },
  {
    name: 'checkpoint',
    summary: 'ask for a review of an idea',
    examples: ['orp checkpoint queue --idea-id <idea-id> --user-note "is the plan still right?"'],
    parts: [async () => (await import('./commands/checkpoint.ts')).registerCheckpoint],
  },
];

/** Commands of the research governance part, which this client does not have. */
const GOVERNANCE_COMMANDS =
  'about backup branch cleanup collaborate discover doctor erdos feature gate init pack packet ready report secrets status';

/** Runs one command line (without the program's name) and returns its exit code. Throws what should be told as an error. */
export async function runProgram(argv: readonly string[], surroundings: Streams): Promise<number> {
  const program = makeProgram(surroundings);
  const shell = new Shell(surroundings, program);
  const asked = argv[0] === 'help' ? argv.slice(1) : argv;
  const name = commandName(asked);
  const subcommand = name === undefined ? undefined : commandName(asked.slice(asked.indexOf(name) + 1));
  refuseGovernance(name);
  for (const group of GROUPS) {
    const command = addGroup(program, group);
    if (group.name === name) await loadParts(group, { command, subcommand, shell });
  }
  const words = plainArguments(program, helpLast(argv));
  if (
    (name === undefined && !words.some((word) => word.startsWith('-') && !isGlobal(program, word))) ||
    name === 'home'
  ) {
    program.outputHelp();
    return 0;
  }
  try {
    await program.parseAsync(words, { from: 'user' });
    return shell.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOf(error, pathOf(program, words));
    throw error;
  }
}

function isGlobal(program: Command, word: string): boolean {
  return program.options.some((option) => option.required && option.long === word.split('=')[0]);
}

/** `orp link session`: as far as the words name commands. */
function pathOf(program: Command, words: readonly string[]): Command {
  let command = program;
  for (const word of words)
    command = command.commands.find((candidate) => candidate.name() === word) ?? command;
  return command;
}

function makeProgram(surroundings: Streams): Command {
  const program = new Command('orp')
    .description('Send work from anywhere to the coding agent sessions on your own computer.')
    .option('--repo-root <path>', 'repository to work in (default: the current directory)')
    .option('--config <path>', 'configuration file, relative to the repository (default: orp.yml)')
    .version(clientVersion(surroundings.env), '-V, --version', 'print the version')
    .addHelpText(
      'after',
      '\nStart here:\n  $ orp auth login\n  $ orp link status\n\n`orp <command> --help` explains a command.',
    );
  return quiet(program, surroundings);
}

/** Errors are thrown, not printed: `main` prints every error in one way. */
function quiet(command: Command, surroundings: Streams): Command {
  return command
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput({
      writeOut: (text) => surroundings.stdout.write(visible(text)),
      writeErr: () => undefined,
      outputError: () => undefined,
    });
}

function addGroup(program: Command, group: CommandGroup): Command {
  const command = program.command(group.name).description(group.summary);
  if (group.examples !== undefined) {
    command.addHelpText('after', `\nExamples:\n${group.examples.map((line) => `  $ ${line}`).join('\n')}`);
  }
  return command;
}

async function loadParts(
  group: CommandGroup,
  asked: { command: Command; subcommand: string | undefined; shell: Shell },
): Promise<void> {
  const { command, subcommand, shell } = asked;
  for (const load of group.parts) {
    (await load())(command, shell);
    if (command.commands.some((candidate) => candidate.name() === subcommand)) return;
  }
}

/** `orp help link` says the same as `orp link --help`. */
function helpLast(argv: readonly string[]): readonly string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
}

function refuseGovernance(name: string | undefined): void {
  if (name === undefined || GROUPS.some((group) => group.name === name)) return;
  if (!GOVERNANCE_COMMANDS.split(' ').includes(name)) return;
  throw usageError(
    `\`orp ${name}\` is not a command of this version: it links repositories and runs jobs, nothing else.`,
    '`orp --help` lists the commands.',
  );
}

/** Help and version end with 0; everything else that commander refuses is wrong usage. */
function exitCodeOf(error: CommanderError, command: Command): number {
  if (error.exitCode === 0) return 0;
  const path = fullName(command);
  if (error.code === 'commander.help') {
    const names = command.commands.map((candidate) => candidate.name()).join(', ');
    throw usageError(`\`${path}\` needs a command: ${names}.`, `\`${path} --help\` explains them.`);
  }
  const message = error.message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ');
  throw usageError(
    `${message.charAt(0).toUpperCase()}${message.slice(1)}`.replace(/([^.?!)])$/, '$1.'),
    `Usage: ${path} ${command.usage()}. \`${path} --help\` explains it.`,
  );
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}
