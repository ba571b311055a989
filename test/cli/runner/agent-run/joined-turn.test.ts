/**
 * A turn of a person that begins at the same moment as the turn of a job: Codex adds the prompt of the job to it, and answers
 * with its id. The server is scripted with what Codex 0.171 sends.
 */

import { afterEach, expect, it } from 'vitest';
import { CAPABILITIES, type Capability, type SessionDriver } from '../../../../cli/agents/agent.ts';
import { connectTo } from '../../../../cli/agents/app-server/connection.ts';
import { ServerSession } from '../../../../cli/agents/app-server/server-session.ts';
import { noteLines, openTurnReader } from '../../../../cli/agents/app-server/turn-reader.ts';
import { turnEngine } from '../../../../cli/runner/agent-run/turn-engine.ts';
import type { StopReason } from '../../../../cli/runner/process/stop-switch.ts';
import {
  type Received,
  type SocketServer,
  startSocketServer,
} from '../../agents/app-server/socket-server.ts';

const DRIVER = { capabilities: new Set<Capability>(CAPABILITIES), openReader: openTurnReader, noteLines };
const MARKER = 'orp:job_1:lea_1';
const threadId = 's';
const turnId = 't';

let server: SocketServer;
afterEach(() => server.close());

interface Sent {
  method: string;
  params: object;
}

const about = (method: string, params: object): Sent => ({ method, params: { threadId, turnId, ...params } });
const begun = (item: object) => about('item/started', { item: { id: 'i', ...item } });
const promptItem = (clientId: string | null, text: string) => ({
  type: 'userMessage',
  clientId,
  content: [{ type: 'text', text }],
});
const said = (text: string) => about('item/completed', { item: { type: 'agentMessage', id: 'a', text } });
const ended = (status: string, items: object[] = []): Sent =>
  about('turn/completed', { turn: { id: turnId, status, items } });

const THEIRS = promptItem('person-1', 'Run the tests.');
const OURS = promptItem(MARKER, 'Go.');
const START = [
  about('turn/started', { turn: { id: turnId, status: 'inProgress', items: [] } }),
  begun(THEIRS),
];
const message = (text: string) => ({ type: 'agentMessage', id: 'a', text });

interface Story {
  /** Sent after the answer to `turn/start`. */
  sends: Sent[];
  /** Sent after an interrupt. */
  onInterrupt?: Sent[];
  /** The turn in the transcript. */
  items: object[];
  status?: string;
  sandbox?: 'read-only';
  stop?: StopReason;
  /** The prompt was entered by a runner that was killed, and the turn has not read it yet. */
  isLeft?: boolean;
}

async function run({ sends, onInterrupt = [], items, status = 'completed', sandbox, stop, isLeft }: Story) {
  const calls: string[] = [];
  server = await startSocketServer(({ id, method = '', params }: Received, reply) => {
    if (id === undefined) return;
    calls.push(method);
    reply({ id, result: answerTo(method, params) });
    const next = method === 'turn/start' ? sends : method === 'turn/interrupt' ? onInterrupt : [];
    for (const notification of next) reply(notification);
    if (isLeft && method === 'thread/resume') for (const notification of sends) reply(notification);
  });
  const answerTo = (method: string, params: unknown): object => {
    if (method === 'thread/resume') return { thread: { id: threadId, status: { type: 'idle' } } };
    if (method === 'turn/start') return { turn: { id: turnId } };
    if (method !== 'thread/turns/list') return {};
    const isFull = (params as { itemsView?: string }).itemsView === 'full';
    return { data: [{ id: turnId, status, items: isFull ? items : [THEIRS] }] };
  };
  const connection = await connectTo(server.path);
  if (connection === undefined) throw new Error('the server does not answer');
  const task = { sessionId: threadId, cwd: '/', ...(sandbox && { settings: { sandbox } }) };
  const opening = await ServerSession.open(connection, task, true);
  if (opening.kind !== 'open') throw new Error(opening.kind);
  const driver = DRIVER as unknown as SessionDriver;
  const engine = turnEngine({
    driver,
    task,
    agent: undefined,
    session: opening.session,
    marker: MARKER,
    ...(isLeft ? { entered: { turnId, isPending: true, isJoined: true } } : { prompt: 'Go.' }),
  });
  const reader = openTurnReader();
  const shown: string[] = [];
  let heardLines = 0;
  const started = await engine.start('tag', {
    stdout: async (bytes) => {
      heardLines += 1;
      for (const event of reader.readLine(new TextDecoder().decode(bytes), true))
        if (event.kind === 'message' || event.kind === 'log') shown.push(event.text);
    },
    stderr: async () => undefined,
  });
  if (started.kind === 'refused') throw new Error(started.message);
  if (stop !== undefined) await heard(calls, 'turn/start');
  const receipt = stop && (await started.child.stop(stop));
  await started.child.ended;
  connection.close();
  return { turn: reader.turn, answer: await engine.readAnswer(), shown, calls, receipt, heardLines };
}

/** Settles a little after the call, when its notifications have arrived. */
async function heard(calls: readonly string[], method: string): Promise<void> {
  while (!calls.includes(method)) await new Promise((wake) => setTimeout(wake, 5));
  await new Promise((wake) => setTimeout(wake, 50));
}

it('a prompt that the turn of the person reads is followed, and only the answer to it is reported', async () => {
  const { answer, shown, turn } = await run({
    sends: [
      ...START,
      said('Tests pass.'),
      begun(OURS),
      said('Done.'),
      ended('completed', [message('Done.')]),
    ],
    items: [THEIRS, message('Tests pass.'), OURS, message('Done.')],
  });
  expect({ answer, shown, state: turn.state }).toEqual({
    answer: 'Done.',
    shown: ['Done.'],
    state: 'completed',
  });
});

it('a prompt that the turn of the person does not read was not entered: the job waits', async () => {
  const { answer, shown, turn } = await run({
    sends: [...START, said('Half.'), ended('interrupted', [message('Half.')])],
    items: [THEIRS, message('Half.')],
    status: 'interrupted',
  });
  expect({ answer, shown }).toEqual({ answer: undefined, shown: [] });
  expect(turn).toMatchObject({ hasEffect: false, reading: { kind: 'session_in_use' } });
});

it('a turn that works on the prompt of the person is not silent', async () => {
  const work = Array.from({ length: 5 }, () => said('Still testing.'));
  const { shown, heardLines } = await run({
    sends: [...START, ...work, ended('interrupted')],
    items: [THEIRS],
    status: 'interrupted',
  });
  expect(shown).toEqual([]);
  expect(heardLines).toBeGreaterThan(5);
});

it('what the turn said before it read the prompt is no answer to it', async () => {
  const { answer, turn } = await run({
    sends: [...START, said('Tests pass.'), begun(OURS), ended('interrupted', [message('Tests pass.')])],
    items: [THEIRS, message('Tests pass.'), OURS],
    status: 'interrupted',
  });
  expect({ answer, state: turn.state }).toEqual({ answer: undefined, state: 'failed' });
});

it('a command that the person runs in the session reads the prompt without answering it', async () => {
  const shell = { type: 'commandExecution', source: 'userShell', command: 'make' };
  const { answer, shown, turn } = await run({
    sends: [about('turn/started', {}), begun(shell), begun(OURS), ended('completed')],
    items: [shell, OURS],
  });
  expect({ answer, shown, state: turn.state }).toEqual({ answer: undefined, shown: [], state: 'completed' });
});

it('the turn of the runner itself passes from its beginning, also when a person adds a prompt', async () => {
  const command = { type: 'commandExecution', command: 'ls' };
  const { answer, shown } = await run({
    sends: [
      about('turn/started', {}),
      begun(OURS),
      begun(command),
      begun(THEIRS),
      said('Both.'),
      ended('completed'),
    ],
    items: [OURS, THEIRS, message('Both.')],
  });
  expect(shown).toEqual(['$ ls\n', 'Both.']);
  expect(answer).toBeUndefined();
});

it('a server that keeps no markers is followed by the text of the prompt', async () => {
  const { shown, turn } = await run({
    sends: [about('turn/started', {}), begun(promptItem(null, 'Go.')), said('Done.'), ended('completed')],
    items: [],
  });
  expect({ shown, state: turn.state }).toEqual({ shown: ['Done.'], state: 'completed' });
});

it('a turn that lacks the sandbox which the policy requires is interrupted', async () => {
  const story = {
    sends: START,
    onInterrupt: [ended('interrupted')],
    sandbox: 'read-only',
    status: 'interrupted',
  } as const;
  const unread = await run({
    ...story,
    sends: [...START],
    onInterrupt: [...story.onInterrupt],
    items: [THEIRS],
  });
  expect(unread.calls).toContain('turn/interrupt');
  expect(unread.turn.reading).toEqual({ kind: 'session_in_use' });
  server.close();

  const read = await run({
    ...story,
    sends: [...START, begun(OURS)],
    onInterrupt: [...story.onInterrupt],
    items: [THEIRS, OURS],
  });
  expect(read.calls).toContain('turn/interrupt');
  expect(read.turn).toMatchObject({ state: 'failed', reading: undefined });
});

it('the turn of the person goes on when the runner exits, and is interrupted when the job is cancelled', async () => {
  const story = { sends: [...START, begun(OURS)], items: [THEIRS, OURS], status: 'inProgress' };
  const left = await run({ ...story, stop: { kind: 'shutdown' } });
  expect(left.calls).not.toContain('turn/interrupt');
  expect(left.receipt).toMatchObject({ isForeign: true });
  server.close();

  const onInterrupt = [ended('interrupted')];
  const cancelled = await run({ ...story, onInterrupt, stop: { kind: 'cancelled' } });
  expect(cancelled.calls).toContain('turn/interrupt');
  expect(cancelled.receipt).toMatchObject({ left: 0 });
});

it('a prompt that a killed runner left in the turn of a person is followed once the turn reads it', async () => {
  const command = begun({ type: 'commandExecution', command: 'make' });
  const items = [THEIRS, OURS, message('Done.')];
  const read = await run({
    sends: [command, begun(OURS), said('Done.'), ended('completed', [message('Done.')])],
    items,
    isLeft: true,
  });
  expect(read).toMatchObject({ answer: 'Done.', shown: ['Done.'] });
  expect(read.calls).not.toContain('turn/start');
  server.close();

  const dropped = await run({ sends: [command, ended('interrupted')], items: [THEIRS], isLeft: true });
  expect(dropped).toMatchObject({ shown: [], turn: { reading: { kind: 'session_in_use' } } });
});
