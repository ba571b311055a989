/**
 * Defines the command line. Each group of commands is one row in this file, plus the files of the group in `commands/`. Only the requested
 * group is loaded,
 * so that `orp` starts fast.
 */

import { Command, CommanderError } from 'commander';
import { commandName, plainArguments } from './arguments.ts';
import { usageError } from './base/exit.ts';
import { clientVersion } from './base/version.ts';
import { endingOf, examplesText } from './commands/examples.ts';
import { addEndings, HELP, helpColumns, printHelp } from './commands/help-text.ts';
import { type Register, Shell } from './commands/shell.ts';
import { makeContext, type Streams } from './output/context.ts';
import { TextOutput } from './output/text-output.ts';
import { readRemoteSession } from './records/sign-in-record.ts';

interface CommandGroup {
  name: string;
  /** The heading of the group in `orp --help`. */
  task: string;
  summary: string;
  examples?: readonly string[];
  /** The files of the group. They are loaded in order until the requested command is defined. */
  parts: readonly (() => Promise<Register>)[];
}

const GROUPS: readonly CommandGroup[] = [
  {
    name: 'status',
    task: 'See and send work:',
    summary: 'show what runs and what needs you on one page (also `orp` alone)',
    examples: ['orp status', 'orp status --json'],
    parts: [async () => (await import('./commands/status.ts')).registerStatus],
  },
  {
    name: 'job',
    task: 'See and send work:',
    summary: 'send work to your sessions, and follow it',
    examples: [
      'orp job submit "Run the tests and fix what fails"',
      'orp job list --status live',
      'orp job logs <job-id> --follow',
    ],
    parts: [async () => (await import('./commands/job.ts')).registerJob],
  },
  {
    name: 'checkpoint',
    task: 'See and send work:',
    summary: 'request a review of an idea, and read the response',
    examples: [
      'orp checkpoint queue --idea-id <idea-id>',
      'orp checkpoint list',
      'orp checkpoint queue --idea-id <idea-id> --user-note "Is the plan still right?"',
    ],
    parts: [async () => (await import('./commands/checkpoint.ts')).registerCheckpoint],
  },
  {
    name: 'open',
    task: 'See and send work:',
    summary: 'open a page of the server in the browser',
    examples: ['orp open', 'orp open @last', 'orp open here --print'],
    parts: [async () => (await import('./commands/open.ts')).registerOpen],
  },
  {
    name: 'setup',
    task: 'Set up this machine:',
    summary: 'go from sign-in to the first answered prompt, step by step',
    examples: ['orp setup', 'orp setup --json'],
    parts: [async () => (await import('./commands/setup.ts')).registerSetup],
  },
  {
    name: 'link',
    task: 'Set up this machine:',
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
    task: 'Set up this machine:',
    summary: 'run jobs on this machine',
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
    name: 'doctor',
    task: 'Set up this machine:',
    summary: 'check everything that a job needs, with a remedy for each problem',
    examples: ['orp doctor', 'orp doctor --json'],
    parts: [async () => (await import('./commands/doctor.ts')).registerDoctor],
  },
  {
    name: 'auth',
    task: 'Account:',
    summary: 'sign in and out',
    examples: ['orp auth login', 'orp auth login --email you@example.org', 'orp auth token list'],
    parts: [
      async () => (await import('./commands/auth.ts')).registerAuth,
      async () => (await import('./commands/auth-tokens.ts')).registerAuthTokens,
    ],
  },
  {
    name: 'whoami',
    task: 'Account:',
    summary: 'show who is signed in',
    parts: [async () => (await import('./commands/auth.ts')).registerWhoami],
  },
  {
    name: 'ideas',
    task: 'Ideas:',
    summary: 'list your ideas',
    examples: ['orp ideas list', 'orp ideas list --sort title_asc --limit 10'],
    parts: [async () => (await import('./commands/ideas.ts')).registerIdeas],
  },
  {
    name: 'idea',
    task: 'Ideas:',
    summary: 'show, add, change and remove an idea',
    examples: ['orp idea add --title "Tidal survey" --notes "the plan"', 'orp idea show <idea-id> --json'],
    parts: [async () => (await import('./commands/ideas.ts')).registerIdea],
  },
  {
    name: 'feature',
    task: 'Ideas:',
    summary: 'list, show, add, change and remove the features of an idea',
    examples: [
      'orp feature list <idea-id>',
      'orp feature add --idea-id <idea-id> --title "Sampling grid" --detail "10 m spacing"',
    ],
    parts: [async () => (await import('./commands/features.ts')).registerFeature],
  },
  {
    name: 'world',
    task: 'Ideas:',
    summary: 'show and change the repository bound to an idea',
    examples: ['orp world show <idea-id>', 'orp world bind <idea-id> --project-root /srv/tides'],
    parts: [async () => (await import('./commands/world.ts')).registerWorld],
  },
  {
    name: 'admin',
    task: 'Operate a server:',
    summary: 'for operators: manage the people, machines, alerts and jobs of a server',
    examples: [
      'orp admin alerts',
      'orp admin machines --state silent',
      'orp admin bulk cancel --status queued',
    ],
    parts: [async () => (await import('./commands/admin.ts')).registerAdmin],
  },
  {
    name: 'about',
    task: 'Other commands:',
    summary: 'show which orp this is, and which versions its server supports',
    examples: ['orp about', 'orp about --json'],
    parts: [async () => (await import('./commands/about.ts')).registerAbout],
  },
  {
    name: 'bugreport',
    task: 'Other commands:',
    summary: 'write a file for a bug report, without secrets',
    examples: ['orp bugreport', 'orp bugreport --output report.json'],
    parts: [async () => (await import('./commands/bugreport.ts')).registerBugReport],
  },
  {
    name: 'completion',
    task: 'Other commands:',
    summary: 'print the script that makes your shell complete orp',
    examples: [
      'orp completion bash >> ~/.bashrc',
      'orp completion zsh > ~/.zsh/completions/_orp',
      'orp completion fish > ~/.config/fish/completions/orp.fish',
    ],
    parts: [async () => (await import('./commands/completion.ts')).registerCompletion],
  },
  {
    name: 'agent',
    task: 'Other commands:',
    summary: 'answer checkpoint reviews with the v0.4.4 command',
    examples: ['orp agent work --once', 'orp agent work --agent survey-repo'],
    parts: [async () => (await import('./commands/agent-work.ts')).registerAgentWork],
  },
];

/** The research governance commands of other clients. This client does not have them. */
const GOVERNANCE_COMMANDS =
  'backup branch cleanup collaborate discover erdos gate init pack packet ready report secrets';

/** Runs one command line (without the program's name) and returns its exit code. Throws errors to print. */
export async function runProgram(argv: readonly string[], surroundings: Streams): Promise<number> {
  const program = makeProgram(surroundings);
  const shell = new Shell(surroundings, program);
  if (argv[0] === '__complete') {
    const isDescribed = argv[1] === '--describe';
    const words = argv.slice(isDescribed ? 2 : 1);
    return complete(words[0] === '--' ? words.slice(1) : words, {
      program,
      shell,
      surroundings,
      isDescribed,
    });
  }
  const asked = argv[0] === 'help' ? argv.slice(1) : argv;
  if (argv[0] === 'home') return runProgram(['status', ...argv.slice(1)], surroundings);
  if (argv.every((word) => word === '--no-pager') && readRemoteSession(surroundings.env).token !== '') {
    return runProgram(['status', ...argv], surroundings);
  }
  const name = commandName(asked);
  const subcommand = name === undefined ? undefined : commandName(asked.slice(asked.indexOf(name) + 1));
  refuseGovernance(name);
  for (const group of GROUPS) {
    const command = addGroup(program, group);
    if (group.name !== name) continue;
    await loadParts(group, { command, subcommand, shell });
    addEndings(command, endingOf);
  }
  const words = plainArguments(program, helpLast(argv));
  if (name === undefined && !words.some((word) => word.startsWith('-') && !isGlobal(program, word))) {
    program.outputHelp();
    return 0;
  }
  try {
    await program.parseAsync(words, { from: 'user' });
    return shell.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const command = pathOf(program, words);
    const added = await askMissing(error, command, surroundings);
    return added === undefined ? exitCodeOf(error, command) : runProgram([...argv, added], surroundings);
  }
}

/**
 * Lets a person at the terminal choose a missing id. Returns the word to add to the command line. Commander reports a missing word before
 * it starts the command, so the command can be run again with the added word.
 */
async function askMissing(
  error: CommanderError,
  command: Command,
  surroundings: Streams,
): Promise<string | undefined> {
  const isMissing = /^commander\.missing(Argument|MandatoryOptionValue)$/.test(error.code);
  const [, option = '', name = ''] = /'(--)?([a-z-]+)/.exec(error.message) ?? [];
  if (!isMissing) return undefined;
  const context = makeContext(surroundings, command.optsWithGlobals());
  const { canPick } = await import('./output/terminal.ts');
  if (!canPick(context)) return undefined;
  const { pickMissing } = await import('./commands/pick.ts');
  const value = await pickMissing(context, { command: fullName(command).replace(/^orp /, ''), name });
  return value === undefined ? undefined : option === '' ? value : `${option}${name}=${value}`;
}

/** The complete command tree with its help texts, for tests and terminal captures. */
export async function wholeProgram(surroundings: Streams): Promise<Command> {
  const program = makeProgram(surroundings);
  const shell = new Shell(surroundings, program);
  for (const group of GROUPS) {
    const command = addGroup(program, group);
    await loadParts(group, { command, subcommand: undefined, shell });
    addEndings(command, endingOf);
  }
  return program;
}

interface Completing {
  program: Command;
  shell: Shell;
  surroundings: Streams;
  /** True if each word is followed by a tab and its meaning. */
  isDescribed: boolean;
}

/** Prints the words that a shell can offer, one word per line. */
async function complete(
  words: readonly string[],
  { program, shell, surroundings, isDescribed }: Completing,
): Promise<number> {
  for (const group of GROUPS) {
    const command = addGroup(program, group);
    if (group.name === words[0]) await loadParts(group, { command, subcommand: undefined, shell });
  }
  const { candidates } = await import('./commands/candidates.ts');
  const found = await candidates(program, words, surroundings);
  const lineOf = ({ word, about }: (typeof found)[number]) =>
    isDescribed && about !== '' ? `${word}\t${about}\n` : `${word}\n`;
  surroundings.stdout.write(found.map(lineOf).join(''));
  return 0;
}

/** Returns whether a word is a global option that does not print something itself. */
function isGlobal(program: Command, word: string): boolean {
  return program.options.some(({ long }) => long !== '--version' && long === word.split('=')[0]);
}

/** The command that the words name, such as `orp link session`. */
function pathOf(program: Command, words: readonly string[]): Command {
  let command = program;
  for (const word of words)
    command = command.commands.find((candidate) => candidate.name() === word) ?? command;
  return command;
}

function makeProgram(surroundings: Streams): Command {
  const program = new Command('orp')
    .description('Send work from anywhere to the coding agent sessions on your own machines.')
    .commandsGroup('Other commands:')
    .option('--repo-root <path>', 'repository to work in (default: the current directory)')
    .option('--config <path>', 'configuration file in the repository (default: orp.yml)')
    .option('--no-pager', 'print long pages at once (default: with ORP_PAGER, PAGER or less)')
    .version(clientVersion(surroundings.env), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpCommand(
      new Command('help [command]').description('print the help of a command').helpGroup('Other commands:'),
    )
    .addHelpText('after', '\nGet started:\n  $ orp setup\n\nRun `orp <command> --help` for details.');
  return quiet(program, surroundings);
}

/** Makes commander throw errors instead of printing them, so that `main` prints every error the same way. */
function quiet(command: Command, { stdout, env }: Streams): Command {
  const output = new TextOutput(stdout, env);
  return command
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureHelp(HELP)
    .configureOutput({
      getOutHelpWidth: () => helpColumns(output),
      writeOut: (text) => printHelp(output, text),
      writeErr: () => undefined,
      outputError: () => undefined,
    });
}

function addGroup(program: Command, group: CommandGroup): Command {
  const command = program.command(group.name).description(group.summary).helpGroup(group.task);
  if (group.examples !== undefined) {
    command.addHelpText('after', examplesText(group.examples));
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

/** Turns `orp help link` into `orp link --help`. */
function helpLast(argv: readonly string[]): readonly string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
}

function refuseGovernance(name: string | undefined): void {
  if (name === undefined || GROUPS.some((group) => group.name === name)) return;
  if (!GOVERNANCE_COMMANDS.split(' ').includes(name)) return;
  throw usageError(
    `This version of orp has no command \`${name}\`: it only links repositories and runs jobs.`,
    'Run `orp --help` to list the commands.',
  );
}

/** Help and version exit with 0. Anything else that commander rejects is a usage error. */
function exitCodeOf(error: CommanderError, command: Command): number {
  if (error.exitCode === 0) return 0;
  const path = fullName(command);
  if (error.code === 'commander.help') {
    const names = command.commands.map((candidate) => candidate.name()).join(', ');
    throw usageError(`\`${path}\` needs a command: ${names}.`, `Run \`${path} --help\` for details.`);
  }
  const message = error.message
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(/ \(Did you mean (.*)\?\)$/, '. Did you mean $1?');
  throw usageError(
    `${message.charAt(0).toUpperCase()}${message.slice(1)}`.replace(/([^.?!)])$/, '$1.'),
    `Usage: ${path} ${command.usage()}. Run \`${path} --help\` for details.`,
  );
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}
