/**
 * `npm run captures`: saves what every command prints, for people who read it and mend what is ugly: each help text, and each
 * command of `scenes.ts` for a stranger, a newcomer and an owner.
 *
 *   npm run captures                      into .captures/: 80.txt, 40.txt, pipe.txt, dark.html and light.html
 *   npm run captures -- --only "job list" --out /tmp/captures
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Command } from 'commander';
import { wholeProgram } from '../../cli/program.ts';
import { Api, fillAccount } from '../browser/full-account.ts';
import { Desk } from '../cli/desk.ts';
import { startHosted, type TestUser } from '../support/hosted.ts';
import { toHtml } from './html.ts';
import { PEOPLE, type Person, type Scene, scenesFor } from './scenes.ts';

const { values } = parseArgs({
  options: { out: { type: 'string', default: '.captures' }, only: { type: 'string', default: '' } },
});
const out = resolve(values.out);

/** A form in which a command prints: the width of the terminal, or none for a pipe. */
const FORMS = [
  { name: '80', columns: 80, hasColor: true },
  { name: '40', columns: 40, hasColor: false },
  { name: 'pipe', columns: undefined, hasColor: false },
] as const;

interface Capture {
  title: string;
  text: string;
}

async function commandNames(): Promise<string[][]> {
  const { env, stdin, stdout, stderr } = process;
  const program = await wholeProgram({ env, cwd: '/', stdin, stdout, stderr, now: Date.now });
  const visit = (command: Command, words: string[]): string[][] => [
    words,
    ...command.commands.flatMap((below) => visit(below, [...words, below.name()])),
  ];
  return visit(program, []);
}

async function capture(desk: Desk, words: readonly string[], title: string): Promise<Capture> {
  const { code, stdout, stderr, error } = await desk.orp(words);
  const told =
    error === undefined ? '' : `error: ${error.message}\n${error.hint ? `hint: ${error.hint}\n` : ''}`;
  return { title: `${title} $ orp ${words.join(' ')}   [${code}]`, text: `${stdout}${stderr}${told}` };
}

/** A desk in the state of a person. */
async function seat(person: Person, url: string, account: { user: TestUser; token: string; ideaId: string }) {
  const desk = new Desk();
  desk.now = Date.now();
  if (person === 'stranger') {
    desk.env.GIT_DIR = undefined;
    return { desk, folder: desk.home };
  }
  const session = {
    ...{
      base_url: url,
      email: account.user.email,
      token: account.token,
      user: null,
      pending_verification: null,
    },
  };
  desk.write(join(desk.userFolder, 'remote-session.json'), JSON.stringify(session));
  if (person === 'owner') {
    await desk.json('link', 'project', 'bind', '--idea-id', account.ideaId);
    for (const [id, label] of [
      ['main', 'Main'],
      ['docs', 'Documentation and the long list of gauges'],
    ] as const) {
      const names = ['--orp-session-id', id, '--label', label, '--codex-session-id', `0199-${id}`];
      await desk.json('link', 'session', 'register', ...names);
    }
    await desk.json('runner', 'enable');
    await desk.json('runner', 'sync');
  }
  return { desk, folder: desk.repo };
}

const hosted = await startHosted();
try {
  const owner = await hosted.createUser('operator');
  const newcomer = await hosted.createUser();
  const api = new Api(hosted.url, await hosted.signIn(owner));
  const filled = await fillAccount(api, (jobId) =>
    hosted.database.prepare("UPDATE jobs SET status = 'lost' WHERE id = ?").bind(jobId).run(),
  );
  const { jobs } = await api.send('GET', '/api/cli/runner/jobs?limit=100');
  const oneOfEach = new Map<string, string>(
    jobs.map(({ id, status }: { id: string; status: string }) => [status, id]),
  );
  const scenes = scenesFor({ ...filled, machineId: 'm-1', jobs: [...oneOfEach.values()] });
  mkdirSync(out, { recursive: true });
  for (const form of FORMS) {
    const captures: Capture[] = [];
    const people = new Map<Person, Awaited<ReturnType<typeof seat>>>();
    for (const person of PEOPLE) {
      const token = await hosted.signIn(person === 'owner' ? owner : newcomer);
      const user = person === 'owner' ? owner : newcomer;
      people.set(person, await seat(person, hosted.url, { user, token, ideaId: filled.ideaId }));
    }
    const add = async (person: Person, words: readonly string[], title: string): Promise<void> => {
      if (!words.join(' ').includes(values.only)) return;
      const { desk, folder } = people.get(person) as Awaited<ReturnType<typeof seat>>;
      desk.isTerminal = form.columns !== undefined;
      desk.columns = form.columns;
      desk.cwd = folder;
      desk.env.NO_COLOR = form.hasColor ? '' : '1';
      captures.push(await capture(desk, words, title));
    };
    for (const words of await commandNames()) await add('stranger', [...words, '--help'], 'help');
    for (const { words, people: shown = PEOPLE } of scenes as Scene[]) {
      for (const person of shown) await add(person, words, person);
    }
    const plain = captures.map(({ title, text }) => `━━━ ${title}\n${text}`).join('\n');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the colors of the terminal.
    writeFileSync(join(out, `${form.name}.txt`), plain.replaceAll(/\u001b\[\d+m/g, ''));
    if (form.hasColor) {
      for (const theme of ['dark', 'light'] as const) {
        writeFileSync(join(out, `${theme}.html`), toHtml(captures, theme));
      }
    }
    for (const { desk } of people.values()) desk[Symbol.dispose]();
    console.log(`wrote ${join(out, form.name)}.txt: ${captures.length} captures`);
  }
} finally {
  await hosted.close();
}
process.exit(0);
