/**
 * Normalizes the command line for commander: global options may appear anywhere, and long options may be shortened while they
 * stay unambiguous (`--js` for `--json`).
 */

import type { Command, Option } from 'commander';
import { usageError } from './base/exit.ts';

/** Returns the command line with global options in front and with the full names of long options. */
export function plainArguments(program: Command, argv: readonly string[]): string[] {
  const globals: string[] = [];
  const rest: string[] = [];
  let command = program;
  let takesCommand = true;
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--') {
      rest.push(...argv.slice(index));
      break;
    }
    const option = word.startsWith('-') ? findOption(word, command, program) : undefined;
    if (option !== undefined) {
      const target = program.options.includes(option.option) ? globals : rest;
      target.push(option.word);
      if (option.takesNext) {
        index += 1;
        target.push(requireValue(option.word, argv[index]));
      }
      continue;
    }
    rest.push(word);
    const next = takesCommand && !word.startsWith('-') ? findCommand(command, word) : undefined;
    if (next !== undefined) command = next;
    else if (!word.startsWith('-')) takesCommand = false;
  }
  return [...globals, ...rest];
}

/** Returns the command's first word. Skips the options in front of the command, and the values of those options. */
export function commandName(argv: readonly string[]): string | undefined {
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--') return undefined;
    if (!word.startsWith('-')) return word;
    if (/^--(r|c)[^=]*$/.test(word)) index += 1;
  }
  return undefined;
}

function requireValue(option: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw usageError(`The option ${option} needs a value.`, `Write ${option} <value>.`);
}

interface FoundOption {
  option: Option;
  /** The full name of the option, followed by `=value` if the user wrote a value that way. */
  word: string;
  /** True if the value of the option is the next word. */
  takesNext: boolean;
}

function findOption(word: string, command: Command, program: Command): FoundOption | undefined {
  const options = command === program ? program.options : [...command.options, ...program.options];
  if (!word.startsWith('--')) {
    const option = options.find((candidate) => candidate.short === word);
    return option && { option, word, takesNext: option.required };
  }
  const [name, ...value] = word.split('=');
  const option = matchLong(name ?? word, options);
  if (option?.long === undefined) return undefined;
  const hasValue = value.length > 0;
  return {
    option,
    word: hasValue ? `${option.long}=${value.join('=')}` : option.long,
    takesNext: option.required && !hasValue,
  };
}

/** Options that must be written in full, because `--f`, `--j` and `--no` already meant other options before these options were added. */
const NEVER_SHORTENED = ['--fields', '--jq', '--no-pager'];

/** Returns the option with this name, or the only option with this prefix. Every command has `--help`. */
function matchLong(name: string, options: readonly Option[]): Option | undefined {
  const exact = options.find((option) => option.long === name);
  if (exact !== undefined || name === '--help') return exact;
  const matches = options.filter(({ long }) => long?.startsWith(name) && !NEVER_SHORTENED.includes(long));
  if (matches.length <= 1) return matches[0];
  const names = matches.map((option) => option.long).join(', ');
  throw usageError(`The option ${name} is ambiguous: it could be ${names}.`, 'Write the option in full.');
}

function findCommand(command: Command, word: string): Command | undefined {
  return command.commands.find(
    (candidate) => candidate.name() === word || candidate.aliases().includes(word),
  );
}
