/** What the driver of Codex offers beside a prompt and its answer, with a real Codex: approvals, steering and its list of sessions. */

import { existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentAsk, AskAnswer } from '../../cli/agents/agent.ts';
import { connectTo } from '../../cli/agents/app-server/connection.ts';
import type { Connection } from '../../cli/agents/app-server/rpc.ts';
import { ServerSession } from '../../cli/agents/app-server/server-session.ts';
import { listSessions } from '../../cli/agents/app-server/session-list.ts';
import { isOlder } from '../../cli/base/version.ts';
import { createAgentSession } from '../../scripts/demo/agent-session.ts';
import { isolatedEnv } from '../../scripts/local/orp-command.ts';
import { makeTemporaryFolder } from '../../scripts/local/temporary-folder.ts';
import { fileExists } from '../cli/runner/job/conditions.ts';
import { type AppServer, startAppServer } from '../support/app-server.ts';
import { findCodexes, makeCodexHome } from '../support/codex.ts';
import { type ModelServer, startModelServer } from '../support/model-server.ts';

/** The oldest pinned Codex that the runner drives through an agent server. */
const FIRST_WITH_SERVER = '0.154.0';

const codexes = findCodexes().filter(({ version }) => !isOlder(version, FIRST_WITH_SERVER));
if (codexes.length === 0) it.skip('No Codex with an agent server was found.');

describe.each(codexes)('the driver of $name', ({ bin }) => {
  let model: ModelServer;
  let server: AppServer;
  let folder: string;
  let cwd: string;
  let sessionId: string;
  const open: Connection[] = [];

  beforeAll(async () => {
    folder = realpathSync(makeTemporaryFolder('orp-drv-'));
    cwd = join(folder, 'work');
    mkdirSync(cwd);
    model = await startModelServer();
    const home = makeCodexHome(folder, model.baseUrl);
    const env = { ...isolatedEnv(folder), HOME: folder, CODEX_HOME: home };
    sessionId = await createAgentSession({ bin, title: 'Codex' }, 'Hello, this is the survey.', { cwd, env });
    server = await startAppServer(bin, folder, home);
    const person = await connection();
    await person.call('thread/resume', {
      threadId: sessionId,
      excludeTurns: true,
      approvalPolicy: 'on-request',
      sandbox: 'read-only',
    });
  });

  afterAll(async () => {
    for (const connection of open) connection.close();
    await server.end();
    await model.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });

  async function connection(): Promise<Connection> {
    const made = await connectTo(server.path);
    if (made === undefined) throw new Error('the app-server does not answer');
    open.push(made);
    return made;
  }

  /** As in the server of a person, whose own rules say what is asked. */
  async function openSession(): Promise<ServerSession> {
    const opening = await ServerSession.open(await connection(), { sessionId, cwd }, true);
    if (opening.kind !== 'open') throw new Error(opening.message);
    return opening.session;
  }

  async function enter(session: ServerSession, prompt: string): Promise<string> {
    const entry = await session.enter(prompt, `orp:job_1:${crypto.randomUUID()}`);
    if (entry.kind !== 'entered') throw new Error(entry.message);
    return entry.turnId;
  }

  function firstAsk(session: ServerSession): Promise<AgentAsk> {
    return new Promise((settle) => session.listenToAsks({ onAsk: settle, onClosed: () => undefined }));
  }

  const ignore = { take: async () => undefined };

  it.each([
    ['accept', 'completed', true],
    ['cancel', 'interrupted', false],
  ] as const)('asks for a command, and obeys the answer %s', async (decision, status, isDone) => {
    const file = join(cwd, `made-by-${decision}`);
    const session = await openSession();
    const turnId = await enter(session, `ask: touch ${file}`);
    const ask = await firstAsk(session);
    expect(ask).toMatchObject({ kind: 'command', turnId, subject: expect.stringContaining(file) });
    expect(ask.decisions).toContain(decision);
    expect(session.answer(ask.askId, { decision })).toBe(true);
    expect(session.answer(ask.askId, { decision })).toBe(false);

    expect(await session.follow(turnId, ignore)).toMatchObject({ status });
    // On a busy machine Codex ends the turn before the command, which goes on.
    if (isDone) await fileExists(file);
    else expect(existsSync(file)).toBe(false);
    await session.close();
  });

  it('asks again after a new connection, under the same id, and says when somebody else has answered', async () => {
    const first = await openSession();
    const turnId = await enter(first, `ask: touch ${join(cwd, 'asked-twice')}`);
    const ask = await firstAsk(first);
    const second = await openSession();
    const closed = new Promise<string>((settle) => {
      second.listenToAsks({
        onAsk: (again) => expect(again.askId).toBe(ask.askId),
        onClosed: settle,
      });
    });
    expect(await firstAsk(second)).toEqual(ask);
    first.answer(ask.askId, { decision: 'cancel' });

    expect(await closed).toBe(ask.askId);
    expect(second.answer(ask.askId, { decision: 'accept' })).toBe(false);
    expect(await first.follow(turnId, ignore)).toMatchObject({ status: 'interrupted' });
    await Promise.all([first.close(), second.close()]);
  });

  it('takes no answer that the request does not offer', async () => {
    const session = await openSession();
    const turnId = await enter(session, `ask: touch ${join(cwd, 'wrong-answer')}`);
    const { askId } = await firstAsk(session);
    const wrong: AskAnswer[] = [
      { answers: { color: ['red'] } },
      { decision: 'decline' },
      { decision: 'please' as 'accept' },
    ];
    for (const answer of wrong) expect(session.answer(askId, answer)).toBe(false);
    session.answer(askId, { decision: 'cancel' });
    await session.follow(turnId, ignore);
    await session.close();
  });

  it('interrupts a turn that has not begun yet, and confirms it within a second', async () => {
    const session = await openSession();
    const turnId = await enter(session, 'run: sleep 253');
    const from = performance.now();
    await session.interrupt(turnId);
    expect(await session.follow(turnId, ignore)).toMatchObject({ status: 'interrupted' });
    expect(performance.now() - from).toBeLessThan(1000);
    await session.close();
  });

  it('is steered while its turn runs, and refuses words for another turn', async () => {
    const session = await openSession();
    const turnId = await enter(session, `ask: touch ${join(cwd, 'steered')}`);
    const { askId } = await firstAsk(session);
    const words = 'The code word is fig-7. Keep it.';
    expect(await session.steer('another-turn', words, 'orp:job_1:lea_a')).toMatchObject({ kind: 'refused' });
    expect(await session.steer(turnId, words, 'orp:job_1:lea_b')).toEqual({ kind: 'taken' });
    session.answer(askId, { decision: 'accept' });

    expect(await session.follow(turnId, ignore)).toMatchObject({
      status: 'completed',
      answer: 'I will remember fig-7.',
    });
    const items = await (await connection()).call('thread/items/list', { threadId: sessionId, limit: 100 });
    expect(JSON.stringify(items)).toContain('"clientId":"orp:job_1:lea_b"');
    await session.close();
  });

  it('finds a prompt that joined a turn of the person by its marker', async () => {
    const person = await openSession();
    const turnId = await enter(person, `ask: touch ${join(cwd, 'joined')}`);
    const { askId } = await firstAsk(person);
    const session = await openSession();
    const marker = 'orp:job_2:lea_1';
    expect(session.isBusy).toBe(true);
    expect(await session.enter('The code word is fig-8. Keep it.', marker)).toMatchObject({ turnId });
    person.answer(askId, { decision: 'accept' });
    await person.follow(turnId, ignore);

    expect(await session.find([marker])).toEqual({ kind: 'none' });
    expect(await session.find([marker], true)).toMatchObject({ kind: 'found', turn: { turnId } });
    await Promise.all([person.close(), session.close()]);
  });

  /** A turn of the person that runs for a while, and a prompt of the runner that Codex adds to it. */
  async function joinPerson(name: string) {
    const person = await openSession();
    const session = await openSession();
    const theirs = await enter(person, `ask: touch ${join(cwd, name)}`);
    // The turn reads a prompt that is added before its first step at once.
    const { askId } = await firstAsk(person);
    const prompt = `The code word is ${name}. Keep it.`;
    const marker = `orp:job_3:${name}`;
    expect(await session.enter(prompt, marker)).toEqual({ kind: 'entered', turnId: theirs });
    const lines: string[] = [];
    let isJoined = false;
    const end = session.follow(theirs, {
      take: async (line) => void lines.push(line),
      awaits: { marker, prompt },
      onJoined: () => {
        isJoined = true;
      },
    });
    const finish = async () => {
      const ended = await end;
      const search = await session.find([marker], true);
      await Promise.all([person.close(), session.close()]);
      return { ended, isJoined, text: lines.join(), search };
    };
    return { person, askId, theirs, session, marker, finish };
  }

  it('follows a prompt that was added to a turn of the person from when the turn reads it', async () => {
    const { person, askId, session, marker, theirs, finish } = await joinPerson('fig-10');
    expect(await session.find([marker], true)).toEqual({ kind: 'pending', turnId: theirs, isJoined: true });
    person.answer(askId, { decision: 'accept' });
    const { ended, isJoined, text, search } = await finish();
    expect({ ended, isJoined }).toMatchObject({
      ended: { status: 'completed', isRead: true },
      isJoined: true,
    });
    expect(text).toContain('I will remember fig-10.');
    expect(text).not.toContain('touch');
    const turn = { isJoined: true, answer: 'I will remember fig-10.' };
    expect(search).toMatchObject({ kind: 'found', turn });
  });

  it('knows that a prompt was not entered when the turn of the person ended before it read the prompt', async () => {
    const { person, askId, finish } = await joinPerson('fig-11');
    person.answer(askId, { decision: 'cancel' });
    const { ended, isJoined, text, search } = await finish();
    expect({ ended, isJoined }).toMatchObject({
      ended: { status: 'interrupted', isRead: false },
      isJoined: true,
    });
    expect(text).not.toContain('fig-11');
    expect(search).toEqual({ kind: 'none' });
  });

  it('leaves the session of the person with the sandbox that it had', async () => {
    const sandboxOf = async () => {
      const reply = await (await connection()).call('thread/resume', {
        threadId: sessionId,
        excludeTurns: true,
      });
      return reply.kind === 'ok' ? reply.result.sandbox : undefined;
    };
    const before = await sandboxOf();
    expect(before).toMatchObject({ type: 'readOnly' });
    const task = { sessionId, cwd, settings: { sandbox: 'workspace-write' as const } };
    const opening = await ServerSession.open(await connection(), task, true);
    if (opening.kind !== 'open') throw new Error(opening.message);
    const { session } = opening;
    await session.follow(await enter(session, 'Say fig-12.'), ignore);
    expect(await sandboxOf()).toMatchObject({ type: 'workspaceWrite' });
    await session.close();
    expect(await sandboxOf()).toEqual(before);
  });

  it('lists the sessions of a folder', async () => {
    const session = await openSession();
    const sessions = await listSessions(await connection(), cwd);
    expect(sessions).toEqual([
      {
        sessionId,
        cwd,
        lastActiveAt: expect.any(Number),
        branch: undefined,
        firstPrompt: 'Hello, this is the survey.',
        isOpen: true,
      },
    ]);
    expect(Math.abs(Date.now() - (sessions[0]?.lastActiveAt ?? 0))).toBeLessThan(120_000);
    expect(await listSessions(await connection(), folder)).toEqual([]);
    await session.close();
  });
});
