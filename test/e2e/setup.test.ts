/**
 * `orp setup` on a terminal of its own: a person with an account and a repository answers its questions, and reads the answer
 * of a real Codex. Run again, it does nothing.
 */

import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MAX_SETUP_QUESTIONS } from '../../cli/commands/setup-state.ts';
import { projectPath } from '../../scripts/local/project-path.ts';
import { Desk } from '../cli/desk.ts';
import { type OwnTerminal, openTerminal } from '../cli/output/terminal.ts';
import { findCodexes, makeCodexHome } from '../support/codex.ts';
import { type Hosted, startHosted, type TestUser } from '../support/hosted.ts';
import { type ModelServer, startModelServer } from '../support/model-server.ts';

const [codex] = findCodexes().slice(-1);
if (codex === undefined) {
  const sentence = 'No Codex binary was found (CODEX_BIN, the PATH): the test of `orp setup` is skipped.';
  if (process.env.ORP_REQUIRE_CODEX) throw new Error(sentence);
  console.warn(sentence);
}

let hosted: Hosted;
let model: ModelServer;
beforeAll(async () => {
  hosted = await startHosted();
  model = await startModelServer();
});
afterAll(async () => {
  await hosted.close();
  await model.close();
});

const QUESTION = /\[[^\]\n]+\] $/;

/** A wait that a broken step must not exceed. */
const MOST_MS = 120_000;

/** Approves the code on the page, as the person does in a browser. */
async function approve(shown: string, { email, password }: TestUser): Promise<void> {
  const [, code = ''] = /device\?code=([A-Z0-9-]+)/i.exec(shown) ?? [];
  const post = (path: string, fields: Record<string, string>, cookie = '') =>
    fetch(`${hosted.url}${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { Origin: hosted.url, Cookie: cookie },
      body: new URLSearchParams(fields),
    });
  const { headers } = await post('/login', { email, password });
  await post(
    '/device/approve',
    { code: code.replace('-', '') },
    headers.get('set-cookie')?.split(';')[0] ?? '',
  );
}

/** Answers each question with Enter, except the one about the service. Returns the questions. */
async function sitThrough(terminal: OwnTerminal, user: TestUser): Promise<string[]> {
  const questions: string[] = [];
  let read = 0;
  let isApproved = false;
  const watch = setInterval(() => {
    // Readline moves the cursor before and after its prompt.
    const news = stripVTControlCharacters(terminal.output.slice(read));
    if (!isApproved && /device\?code=[^\s]+\s/.test(news)) {
      isApproved = true;
      void approve(news, user);
    }
    if (!QUESTION.test(news)) return;
    read = terminal.output.length;
    const question = news.trimEnd().split('\n').at(-1) ?? '';
    questions.push(question);
    terminal.type(question.includes('service') ? 'n\r' : '\r');
  }, 100);
  const limit = setTimeout(() => terminal.close(), MOST_MS);
  await terminal.ended;
  clearTimeout(limit);
  clearInterval(watch);
  return questions;
}

it.runIf(codex)(
  'reaches the first answered prompt, and knows afterwards that everything is done',
  async () => {
    const user = await hosted.createUser();
    using desk = new Desk();
    Object.assign(desk.env, {
      CODEX_BIN: codex?.bin,
      CODEX_HOME: makeCodexHome(join(desk.home, 'agent'), model.baseUrl),
      ORP_BASE_URL: hosted.url,
    });
    const setUp = () =>
      openTerminal([process.execPath, projectPath('dist/orp.js'), 'setup'], {
        cwd: desk.repo,
        env: desk.env,
      });

    const first = setUp();
    const questions = await sitThrough(first, user);
    expect(first.output).toContain('orp is set up.');
    expect(questions.length).toBeLessThanOrEqual(MAX_SETUP_QUESTIONS);
    expect(questions).toEqual([
      expect.stringContaining('Title of the new idea? [repo]'),
      expect.stringContaining('Start a session?'),
      expect.stringContaining('service'),
    ]);
    const { jobs } = (await desk.json('job', 'list')) as { jobs: { status: string; summary: string }[] };
    expect(jobs).toMatchObject([{ status: 'completed' }]);
    expect(first.output).toContain(jobs[0]?.summary);

    const state = await desk.json('setup');
    expect(state).toMatchObject({ ok: true, next_actions: ['orp runner install'] });

    const again = setUp();
    expect(await sitThrough(again, user)).toEqual([expect.stringContaining('service')]);
    expect(again.output).toContain('A prompt was answered here.');
    expect(await desk.json('job', 'list')).toMatchObject({ jobs: [{}] });
  },
);

it('in a pipe and with --json shows each step with its command, and changes nothing', async () => {
  using desk = new Desk();
  desk.env.ORP_BASE_URL = hosted.url;
  const { code, stdout } = await desk.orp(['setup', '--json']);
  const { ok, steps, next_actions } = JSON.parse(stdout);
  expect({ code, ok }).toEqual({ code: 1, ok: false });
  expect(steps).toMatchObject([
    { step: 'sign_in', done: false, command: 'orp auth login' },
    { step: 'link', done: false, command: 'orp link project bind' },
    { step: 'session', done: false, command: 'orp link session register' },
    { step: 'enable', done: false, command: 'orp runner enable' },
    { step: 'sync', done: false, command: 'orp runner sync' },
    { step: 'service', done: false, optional: true },
    { step: 'hello', done: false },
  ]);
  expect(next_actions).toHaveLength(7);
  const piped = await desk.orp(['setup']);
  expect(piped.code).toBe(1);
  expect(piped.stdout).toContain('step.sign_in=false\n');
  expect(piped.stdout).toContain('next=orp auth login\n');
});
