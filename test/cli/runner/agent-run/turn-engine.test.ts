/** A turn whose agent server ends at a bad moment: the transcript decides, and never silence. */

import { expect, it } from 'vitest';
import type {
  AgentSession,
  EnteredTurn,
  MarkerSearch,
  SessionOpening,
} from '../../../../cli/agents/agent.ts';
import { openTurnReader } from '../../../../cli/agents/app-server/turn-reader.ts';
import { turnEngine } from '../../../../cli/runner/agent-run/turn-engine.ts';

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

type Entry = Awaited<ReturnType<AgentSession['enter']>>;
const LOST: Entry = { kind: 'refused', isCertain: false, message: 'the agent server ended' };

/** A session whose server ends. What the next servers answer is given in their order. */
async function run(story: {
  enter: Entry;
  next: { opening?: SessionOpening; search?: MarkerSearch; look?: MarkerSearch }[];
}) {
  const left = [...story.next];
  const session = (search: MarkerSearch, enter: Entry): AgentSession => ({
    how: 'own_server',
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
      capabilities: new Set(),
      findSessions: async () => [],
      open: async () => {
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
  return { answer: await engine.readAnswer(), state: reader.turn.state, why: failures.at(-1) };
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

it('the next agent servers may end, too, before one shows the end of the turn', async () => {
  const next = [{ opening: NO_SERVER }, { search: UNREAD }, { search: found('completed', 'Done.') }];
  expect(await run({ enter: ENTERED, next })).toMatchObject({ answer: 'Done.', state: 'completed' });
});

it('a session that somebody opened meanwhile shows the end of the turn', async () => {
  const next = [{ opening: BUSY, look: found('completed', 'Done.') }];
  expect(await run({ enter: ENTERED, next })).toMatchObject({ answer: 'Done.', state: 'completed' });
});
