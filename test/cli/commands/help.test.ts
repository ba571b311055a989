/** The help of the whole command tree. */

import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { wholeProgram } from '../../../cli/program.ts';
import { Desk } from '../desk.ts';

const { env, stdin, stdout, stderr } = process;
const program = await wholeProgram({ env, cwd: '/', stdin, stdout, stderr, now: Date.now });

function leavesOf(command: Command, words: readonly string[]): (readonly string[])[] {
  if (command.commands.length === 0) return [words];
  return command.commands.flatMap((below) =>
    below.name() === 'serve' ? [] : leavesOf(below, [...words, below.name()]),
  );
}

const leaves = leavesOf(program, []);

async function helpOf(desk: Desk, words: readonly string[], columns: number): Promise<string> {
  desk.isTerminal = true;
  desk.columns = columns;
  const { code, stdout: text } = await desk.orp([...words, '--help']);
  expect(code).toBe(0);
  return text;
}

describe('help', () => {
  it.each(leaves.map((words) => [words.join(' '), words] as const))(
    'of orp %s has a summary, its flags, two examples and exit codes',
    async (_name, words) => {
      using desk = new Desk();
      const text = await helpOf(desk, words, 80);
      const [usage, , summary, end] = text.split('\n');
      expect(usage).toMatch(new RegExp(`^Usage: orp ${words.join(' ')}\\b`));
      expect({ summary, end }).toEqual({ summary: expect.stringMatching(/^[A-Z].*\.$/), end: '' });
      for (const line of text.split('\n').filter((each) => /^ {2}(-|[a-z-]+ {2,})/.test(each))) {
        expect(line).toMatch(/^ {2}(-\S, )?\S+( [<[]\S+[\]>])?( {2,}\S|$)/);
      }
      expect(text.match(/^ {2}\$ /gm)?.length).toBeGreaterThan(1);
      expect(text).toMatch(/\nExit codes:\n {2}0 {4}success\n/);
    },
  );

  it.each([40, 60, 80, 120])('fits a terminal of %i columns', async (columns) => {
    using desk = new Desk();
    const tooLong: string[] = [];
    for (const words of [[], ...leaves]) {
      const text = await helpOf(desk, words, columns);
      // A command that cannot be broken and the first line of the usage may be longer.
      const lines = text.split('\n').filter((line) => line.length > columns && !/^ {2}(\$| {4})/.test(line));
      tooLong.push(...lines);
    }
    expect(tooLong).toEqual([]);
  });

  it('groups the commands by task', async () => {
    using desk = new Desk();
    const headings = (await helpOf(desk, [], 80)).match(/^[A-Z].*:$/gm);
    expect(headings).toEqual([
      'Options:',
      'See and send work:',
      'Set up this machine:',
      'Account:',
      'Ideas:',
      'Operate a server:',
      'Other commands:',
      'Get started:',
    ]);
  });

  it('prints headings in bold where there is color', async () => {
    using desk = new Desk();
    desk.env.NO_COLOR = '';
    expect(await helpOf(desk, ['whoami'], 80)).toContain('\u001b[1mOptions:\u001b[22m\n');
  });
});
