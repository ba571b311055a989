/** A turn whose agent server ends at a bad moment: the transcript decides, and never silence. */

import { expect, it, vi } from 'vitest';
import {
  type AgentSession,
  CAPABILITIES,
  type Capability,
  type EnteredTurn,
  type Entry,
  type MarkerSearch,
  type SessionDriver,
  type SessionOpening,
} from '../../../../cli/agents/agent.ts';
import { noteLines, openTurnReader } from '../../../../cli/agents/app-server/turn-reader.ts';
import { turnEngine } from '../../../../cli/runner/agent-run/turn-engine.ts';

const DRIVER = { capabilities: new Set<Capability>(CAPABILITIES), openReader: openTurnReader, noteLines };
const MARKER = 'orp:job_1:lea_1';
const TASK = { sessionId: 's', cwd: '/' };
const NO_SERVER: SessionOpening = { kind: 'no_server', why: 'it ended with SIGKILL' };
const BUSY: SessionOpening = {
  kind: 'refused',
  message: 'already has an active writer',
  reading: { kind: 'session_in_use' },
};
const UNREAD: MarkerSearch = { kind: 'unread' };
const NONE: MarkerSearch = { kind: 'none' };

function found(status: EnteredTurn['status'], answer?: string): MarkerSearch {
  return { kind: 'found', turn: { turnId: 't', marker: MARKER, status, answer, error: undefined } };
}

const LOST: Entry = { kind: 'refused', proof: 'lost', message: 'the agent server ended' };

interface Story {
  enter: Entry;
  how?: AgentSession['how'];
  next: { opening?: SessionOpening; search?: MarkerSearch; look?: MarkerSearch }[];
}

/** A session whose server ends. What the next servers answer is given in their order. Its pauses take no time. */
async function run(story: Story) {
  vi.useFakeTimers();
  try {
    const over = tell(story);
    await vi.advanceTimersByTimeAsync(60_000);
    return await over;
  } finally {
    vi.useRealTimers();
  }
}

async function tell(story: Story) {
  const left = [...story.next];
  const session = (search: MarkerSearch, enter: Entry): AgentSession => ({
    how: story.how ?? 'own_server',
    isBusy: false,
    find: async () => search,
    enter: async () => enter,
    follow: async () => ({ kind: 'lost' }),
    interrupt: async () => undefined,
    steer: async () => ({ kind: 'taken' }),
    listenToAsks: () => () => undefined,
    answer: () => false,
    close: async () => undefined,
  });
  let look: MarkerSearch = UNREAD;
  const engine = turnEngine({
    driver: {
      capabilities: new Set(CAPABILITIES),
      noteLines,
      findSessions: async () => [],
      open: async () => NO_SERVER,
      reopen: async () => {
        const { opening, search = UNREAD, ...rest } = left.shift() ?? { opening: NO_SERVER };
        look = rest.look ?? UNREAD;
        return opening ?? { kind: 'open', session: session(search, LOST), why: '' };
      },
      look: async () => look,
      untilFree: async () => true,
      openReader: openTurnReader,
      end: async () => undefined,
    },
    task: TASK,
    agent: undefined,
    session: session(UNREAD, story.enter),
    marker: MARKER,
    prompt: 'Go.',
  });
  const reader = openTurnReader();
  const failures: string[] = [];
  const started = await engine.start('tag', {
    stdout: async (bytes) => {
      for (const event of reader.readLine(new TextDecoder().decode(bytes), true))
        if (event.kind === 'failure') failures.push(event.message);
    },
    stderr: async () => undefined,
  });
  if (started.kind === 'refused') return { kind: 'refused' };
  await started.child.ended;
  const { state, hasEffect, reading } = reader.turn;
  return { answer: await engine.readAnswer(), state, hasEffect, reading, why: failures.at(-1) };
}

const ENTERED: Entry = { kind: 'entered', turnId: 't' };

it('a prompt that was entered although the answer was lost completes with its answer', async () => {
  const next = [{ search: found('completed', 'Done.') }];
  expect(await run({ enter: LOST, next })).toMatchObject({ answer: 'Done.', state: 'completed' });
});

it('a prompt that was entered although the answer was lost, and was interrupted, is not given back', async () => {
  const next = [{ search: found('interrupted') }];
  expect(await run({ enter: LOST, next })).toMatchObject({
    state: 'failed',
    why: expect.stringContaining('shows the turn as interrupted'),
  });
});

it('a prompt whose answer was lost is given back only when the transcript shows that it was not entered', async () => {
  expect(await run({ enter: LOST, next: [{ search: NONE }] })).toEqual({ kind: 'refused' });
  expect(await run({ enter: LOST, next: [] })).toMatchObject({
    state: 'failed',
    why: expect.stringContaining('is unknown'),
  });
});

it('a prompt that the server took but had not written when it ended is given back: nothing ran', async () => {
  expect(await run({ enter: ENTERED, next: [{ search: NONE }] })).toMatchObject({
    hasEffect: false,
    reading: { kind: 'condition', code: 'agent_unavailable' },
  });
});

it('a prompt that a server which does not answer may still enter is not given back', async () => {
  const enter: Entry = { kind: 'refused', proof: 'late', message: 'the agent server did not answer in time' };
  expect(await run({ enter, next: [{ search: NONE }] })).toMatchObject({
    state: 'failed',
    reading: undefined,
    why: expect.stringContaining('is unknown'),
  });
});

it('a prompt that comes during a compaction is not entered, and its job waits', async () => {
  const enter: Entry = { kind: 'refused', proof: 'busy', message: 'ActiveTurnNotSteerable' };
  expect(await run({ enter, next: [] })).toMatchObject({
    hasEffect: false,
    reading: { kind: 'session_in_use' },
  });
});

it('a turn that may still run in the server of the person is not called interrupted', async () => {
  const held = { opening: BUSY, look: found('interrupted') };
  const story = { enter: ENTERED, next: [held, held, held, held] };
  expect((await run({ ...story, how: 'shared_server' })).why).toContain('is unknown');
  expect((await run(story)).why).toContain('shows the turn as interrupted');
  const ends = [held, { opening: BUSY, look: found('completed', 'Done.') }];
  expect(await run({ ...story, how: 'shared_server', next: ends })).toMatchObject({ answer: 'Done.' });
});

it('a turn is followed for as long as the transcript shows that it runs, however often the connection is lost', async () => {
  const losses = Array.from({ length: 5 }, () => ({ search: found('running') }));
  const next = [...losses, { search: found('completed', 'Done.') }];
  expect(await run({ enter: ENTERED, next })).toMatchObject({ answer: 'Done.', state: 'completed' });
});

it('the next agent servers may end, too, before one shows the end of the turn', async () => {
  const next = [{ opening: NO_SERVER }, { search: UNREAD }, { search: found('completed', 'Done.') }];
  expect(await run({ enter: ENTERED, next })).toMatchObject({ answer: 'Done.', state: 'completed' });
});

it('a session that somebody opened meanwhile shows the end of the turn', async () => {
  const next = [{ opening: BUSY, look: found('completed', 'Done.') }];
  expect(await run({ enter: ENTERED, next })).toMatchObject({ answer: 'Done.', state: 'completed' });
});

/** A turn of an earlier runner in this session, which is followed to its end. */
async function join(session: Partial<AgentSession>, isStopped = false, again?: Partial<AgentSession>) {
  const whole = (of: Partial<AgentSession>) =>
    ({
      how: 'own_server',
      isBusy: true,
      interrupt: async () => undefined,
      close: async () => undefined,
      ...of,
    }) as AgentSession;
  const reopen = async (): Promise<SessionOpening> =>
    again === undefined ? NO_SERVER : { kind: 'open', session: whole(again), why: '' };
  const driver = { ...DRIVER, reopen } as unknown as SessionDriver;
  const plan = {
    driver,
    task: TASK,
    agent: undefined,
    session: whole(session),
    marker: MARKER,
    entered: { turnId: 't' },
  };
  const engine = turnEngine(plan);
  const reader = openTurnReader();
  const started = await engine.start('tag', {
    stdout: async (bytes) => void reader.readLine(new TextDecoder().decode(bytes), true),
    stderr: async () => undefined,
  });
  if (started.kind === 'refused') throw new Error(started.message);
  const receipt = isStopped ? await started.child.stop() : undefined;
  await started.child.ended;
  return { turn: reader.turn, answer: await engine.readAnswer(), receipt };
}

const ended = (status: 'completed' | 'interrupted', answer?: string) => async () =>
  ({ kind: 'ended', status, answer, isRead: true }) as const;

it('a turn that is followed from its middle counts as one that had an effect: a usage limit does not enter it again', async () => {
  expect((await join({ follow: ended('completed', 'Done.') })).turn.hasEffect).toBe(true);
});

it('a turn that is followed from its middle takes its answer from the transcript when it came before', async () => {
  const find = async () => found('completed', 'Said before.');
  expect((await join({ follow: ended('completed'), find })).answer).toBe('Said before.');
});

it('a turn that still runs after its connection was lost is interrupted again', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const again = {
    find: async () => found('running'),
    interrupt: async () => resolve(),
    follow: () => promise.then(ended('interrupted')),
  };
  const { receipt } = await join({ follow: async () => ({ kind: 'lost' }) as const }, true, again);
  expect(receipt).toMatchObject({ left: 0 });
});

it('a prompt is not entered when a turn of somebody else has begun meanwhile, and its job waits', async () => {
  const calls: string[] = [];
  const session = {
    how: 'shared_server',
    isBusy: true,
    enter: async () => {
      calls.push('enter');
      return ENTERED;
    },
    close: async () => void calls.push('close'),
  } as unknown as AgentSession;
  const driver = DRIVER as unknown as SessionDriver;
  const engine = turnEngine({ driver, task: TASK, agent: undefined, session, marker: MARKER, prompt: 'Go.' });
  const reader = openTurnReader();
  const started = await engine.start('tag', {
    stdout: async (bytes) => void reader.readLine(new TextDecoder().decode(bytes), true),
    stderr: async () => undefined,
  });
  if (started.kind === 'refused') throw new Error(started.message);
  await started.child.ended;
  expect(reader.turn).toMatchObject({ hasEffect: false, reading: { kind: 'session_in_use' } });
  expect(calls).toEqual(['close']);
});

it('a turn of a driver that cannot interrupt ends with the server of the runner', async () => {
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const calls: string[] = [];
  const session = {
    how: 'own_server',
    follow: () => end.then(() => ({ kind: 'lost' }) as const),
    interrupt: async () => void calls.push('interrupt'),
    endServer: async () => {
      resolve();
      return { processes: 2, left: 0, signal: 'SIGINT' as const };
    },
    close: async () => undefined,
  } as unknown as AgentSession;
  const driver = { ...DRIVER, capabilities: new Set() } as unknown as SessionDriver;
  const plan = { driver, task: TASK, agent: undefined, session, marker: MARKER, entered: { turnId: 't' } };
  const started = await turnEngine(plan).start('tag', {
    stdout: async () => undefined,
    stderr: async () => undefined,
  });
  if (started.kind === 'refused') throw new Error(started.message);
  expect(await started.child.stop({ kind: 'cancelled' })).toMatchObject({ processes: 2, left: 0 });
  expect(calls).toEqual([]);
});

it('a turn that does not obey an interrupt ends with the server of the runner', async () => {
  vi.useFakeTimers();
  try {
    const { promise: end, resolve } = Promise.withResolvers<void>();
    const endServer = async () => {
      resolve();
      return { processes: 2, left: 0, signal: 'SIGKILL' as const };
    };
    const session = { follow: () => end.then(() => ({ kind: 'lost' }) as const), endServer };
    const joined = join(session, true, { find: async () => found('interrupted') });
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await joined).receipt).toMatchObject({ processes: 2, left: 0, signal: 'SIGKILL' });
  } finally {
    vi.useRealTimers();
  }
});
