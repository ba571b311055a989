/** The form of help texts: columns where there is room, otherwise each description below its name. */

import { type Argument, type Command, Help, type HelpConfiguration, type Option } from 'commander';
import { Painted, type Rich, type TextOutput } from '../output/text-output.ts';

/** Longer lines are hard to read. */
const MOST_COLUMNS = 100;
/** The width in a pipe. */
const PIPE_COLUMNS = 80;
/** If the terminal is narrower than this, each description is on the line below its name. */
const TWO_COLUMNS_FROM = 60;
/** A longer name has its description on the next line. */
const MOST_NAME = 28;
const INDENT = '  ';

export function helpColumns({ isTTY, columns }: TextOutput): number {
  return isTTY ? Math.min(columns - 1, MOST_COLUMNS) : PIPE_COLUMNS;
}

/** Arguments that many commands have. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  'job-id': 'id of a job, or its beginning; @last, @running (on a terminal: choose from a list)',
  'session-id': 'id of a linked session (on a terminal: choose from a list)',
  'idea-id': 'id of an idea, or its beginning (on a terminal: choose from a list)',
  'feature-id': 'id of a feature, or its beginning',
  'checkpoint-id': 'id of a checkpoint',
};

/** The heading of `--json` and its kind (shell.ts). */
const LAST_GROUP = 'Output:';

export const HELP: HelpConfiguration = {
  /** Without `[options]`, which every command has. */
  subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(wordOf)].join(' '),
  /** Longer names have their own line, so that they do not widen the column. */
  padWidth(command, helper) {
    const terms = [
      ...helper.visibleArguments(command).map((argument) => helper.argumentTerm(argument)),
      ...helper.visibleOptions(command).map((option) => helper.optionTerm(option)),
      ...helper.visibleCommands(command).map((below) => helper.subcommandTerm(below)),
    ];
    return Math.max(0, ...terms.map(({ length }) => length).filter((length) => length <= MOST_NAME));
  },
  /** The root names the help command for all. */
  visibleCommands(command) {
    const all = Help.prototype.visibleCommands.call(this, command);
    return command.parent === null ? all : all.filter((below) => below.name() !== 'help');
  },
  /** The options that are specific to the command come first. The output options are the same for every command, so they come last. */
  groupItems: orderGroups,
  visibleArguments: (command) => [...command.registeredArguments],
  argumentDescription: (argument) => argument.description || (ARGUMENTS[argument.name()] ?? ''),
  /** Turns the summary of a command into a sentence for the top of its help. In a list of commands, the summary is a phrase. */
  commandDescription: (command) =>
    command.parent === null ? command.description() : sentence(command.description()),
  formatItem(...[term, termWidth, description, { helpWidth = PIPE_COLUMNS }]) {
    if (helpWidth < TWO_COLUMNS_FROM) {
      return [`${INDENT}${term}`, ...wrap(description, helpWidth, ' '.repeat(6))].join('\n');
    }
    const indent = ' '.repeat(termWidth + 2 * INDENT.length);
    const [first = '', ...rest] = wrap(description, helpWidth, indent);
    const name = `${INDENT}${term}`;
    if (term.length > termWidth) return [name, first, ...rest].join('\n');
    return [`${name.padEnd(indent.length)}${first.trimStart()}`, ...rest].join('\n');
  },
};

function orderGroups<Item extends Command | Option>(
  unsorted: Item[],
  shown: Item[],
  groupOf: (item: Item) => string,
): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  const names = [...new Set([...unsorted, ...shown].map(groupOf))];
  for (const name of names.toSorted((a, b) => Number(a === LAST_GROUP) - Number(b === LAST_GROUP))) {
    groups.set(
      name,
      shown.filter((item) => groupOf(item) === name),
    );
  }
  return groups;
}

function wordOf(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

function sentence(phrase: string): string {
  return `${phrase.charAt(0).toUpperCase()}${phrase.slice(1)}`.replace(/([^.])$/, '$1.');
}

/** Prints a help text. Paragraphs are wrapped, headings are bold, and examples are broken so that they can still be copied. */
export function printHelp(stdout: TextOutput, text: string): void {
  const lines = reflow(text.split('\n'), helpColumns(stdout));
  stdout.print(
    lines.map((line, at): Rich => {
      const end = at === lines.length - 1 ? '' : '\n';
      return /^[A-Z][^.]*:$/.test(line) ? [new Painted('bold', line), end] : `${line}${end}`;
    }),
  );
}

function reflow(lines: readonly string[], columns: number): string[] {
  const whole: string[] = [];
  for (const line of lines) {
    const before = whole.at(-1) ?? '';
    const goesOn = isProse(before) && isProse(line);
    if (goesOn) whole[whole.length - 1] = `${before} ${line}`;
    else whole.push(line);
  }
  return whole.flatMap((line) => {
    if (line.length <= columns) return [line];
    if (line.startsWith(EXAMPLE)) return breakExample(line, columns);
    const indent = /^\s*(\d+ +)?/.exec(line)?.[0] ?? '';
    const [first = '', ...rest] = wrap(line.slice(indent.length), columns, ' '.repeat(indent.length));
    return [`${indent}${first.trimStart()}`, ...rest];
  });
}

const EXAMPLE = '  $ ';

/** Breaks a command between its words. Quoted words stay whole. */
function breakExample(line: string, columns: number): string[] {
  const words = line.slice(EXAMPLE.length).match(/(?:"[^"]*"|'[^']*'|\S)+/g) ?? [];
  const lines: string[] = [];
  let part = EXAMPLE.trimEnd();
  for (const word of words) {
    const isFull = part.length + 1 + word.length + ' \\'.length > columns && part.trim() !== '$';
    if (isFull) lines.push(`${part} \\`);
    part = isFull ? `${' '.repeat(6)}${word}` : `${part} ${word}`;
  }
  return [...lines, part];
}

/** A line of a paragraph, and no heading. */
function isProse(line: string): boolean {
  return /^[^\s].*[^:]$/.test(line) && !line.startsWith('Usage:');
}

function wrap(text: string, columns: number, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    const isFull = line !== indent && line.length + 1 + word.length > columns;
    if (isFull) lines.push(line);
    line = isFull || line === indent ? `${indent}${word}` : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Adds examples and exit codes to a command and to those below it. */
export function addEndings(command: Command, endOf: (name: string, isGroup: boolean) => string): void {
  const ending = endOf(nameOf(command), command.commands.length > 0);
  if (ending !== '') command.addHelpText('after', ending);
  for (const below of command.commands) addEndings(below, endOf);
}

/** Returns the full name of a command without `orp`, such as `job submit`. */
function nameOf(command: Command): string {
  const { parent } = command;
  if (parent === null) return '';
  return `${nameOf(parent)} ${command.name()}`.trim();
}
