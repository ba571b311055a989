/** The memory that unread notifications of a turn take, however much a server reports, and what is never lost. */

import { expect, it } from 'vitest';
import type { ServerNotification } from '../../../../cli/agents/app-server/frames.ts';
import { HeardTurns } from '../../../../cli/agents/app-server/heard-turns.ts';
import type { Connection } from '../../../../cli/agents/app-server/rpc.ts';
import { CUT_METHOD, openTurnReader } from '../../../../cli/agents/app-server/turn-reader.ts';

const MIB = 1024 * 1024;
const ids = { threadId: 's', turnId: 't' };

/** A turn that ends with an answer, after the server has reported all this at once. */
async function hear(notifications: Iterable<{ method: string; params: object }>) {
  let report: (notification: ServerNotification) => void = () => undefined;
  const connection = {
    closed: new Promise<string>(() => undefined),
    onNotification: (listener: typeof report) => {
      report = listener;
      return () => undefined;
    },
  } as unknown as Connection;
  const heard = new HeardTurns(connection, 's');
  for (const notification of notifications) report(notification as ServerNotification);
  const items = [{ type: 'agentMessage', id: 'a', text: 'Done.' }];
  const turn = { id: 't', status: 'completed', items };
  report({ method: 'turn/completed', params: { ...ids, turn } } as unknown as ServerNotification);
  const lines: string[] = [];
  const end = await heard.follow('t', { take: async (line) => void lines.push(line) });
  return { end, lines, characters: lines.reduce((sum, line) => sum + line.length, 0) };
}

function* many(count: number, method: string, params: () => object) {
  for (let done = 0; done < count; done += 1) yield { method, params: { ...ids, ...params() } };
}

const big = 'x'.repeat(MIB);

it.each([
  ['diffs', 'turn/diff/updated', () => ({ diff: big })],
  ['plans', 'turn/plan/updated', () => ({ plan: [{ step: big, status: 'pending' }] })],
  ['output', 'item/commandExecution/outputDelta', () => ({ itemId: 'c', delta: big })],
  ['messages', 'item/completed', () => ({ item: { type: 'agentMessage', id: 'm', text: big } })],
  [
    'ended commands',
    'item/completed',
    () => ({ item: { type: 'commandExecution', id: 'c', aggregatedOutput: big } }),
  ],
  ['errors', 'error', () => ({ error: { message: big }, willRetry: true })],
])('300 MiB of %s that nobody has read take at most 10 MiB', async (_, method, params) => {
  const { end, characters } = await hear(many(300, method, params));
  expect(characters).toBeLessThan(10 * MIB);
  expect(end).toMatchObject({ status: 'completed', answer: 'Done.' });
});

it('keeps the newest diff, and says so when something else is missing', async () => {
  function* story() {
    for (const diff of ['first', 'second']) yield { method: 'turn/diff/updated', params: { ...ids, diff } };
  }
  const { lines } = await hear(story());
  expect(lines.filter((line) => line.includes('turn/diff/updated'))).toEqual([
    expect.stringContaining('second'),
  ]);
  expect(lines.join()).not.toContain(CUT_METHOD);

  const flood = await hear(
    many(30, 'item/commandExecution/outputDelta', () => ({ itemId: 'c', delta: big })),
  );
  const reader = openTurnReader();
  const events = flood.lines.flatMap((line) => reader.readLine(line, true));
  expect(events).toContainEqual(expect.objectContaining({ text: expect.stringContaining('is missing') }));
  // What is missing may have been a command.
  expect(reader.turn).toMatchObject({ state: 'completed', hasEffect: true });
});

it('a million small signs of life take no memory, and turns of other sessions none', async () => {
  const deltas = await hear(many(1_000_000, 'item/agentMessage/delta', () => ({ itemId: 'm', delta: 'x' })));
  expect(deltas.lines).toHaveLength(2);
  const others = await hear(many(1000, 'turn/diff/updated', () => ({ threadId: 'other', diff: 'x' })));
  expect(others.lines).toHaveLength(1);
});

it('many small notifications are bounded by their number', async () => {
  const started = many(50_000, 'item/started', () => ({ item: { type: 'plan', id: crypto.randomUUID() } }));
  expect((await hear(started)).lines.length).toBeLessThan(20_010);
});
