/** A search for a marker says whether the server showed the turns. */

import { expect, it } from 'vitest';
import { connect } from '../../../../cli/agents/app-server/rpc.ts';
import { findDeep, findTurn } from '../../../../cli/agents/app-server/turns.ts';
import { startSocketServer } from './socket-server.ts';

/** @param answer what the server sends; undefined: the server ends */
async function search(answer: object | undefined) {
  const server = await startSocketServer(({ id }, reply) => {
    if (answer === undefined) server.cut();
    else reply({ id, ...answer });
  });
  const outcome = await connect(server.path, { timeoutMs: 5000 });
  if (outcome.kind !== 'ok') throw new Error(outcome.kind);
  try {
    return await findTurn(outcome.connection, 's', ['orp:job_1:lea_1']);
  } finally {
    outcome.connection.close();
    server.close();
  }
}

const marked = {
  id: 't',
  status: 'interrupted',
  items: [{ type: 'userMessage', id: 'i', clientId: 'orp:job_1:lea_1' }],
};

it('a server that ends before it shows the turns leaves them unread', async () => {
  expect(await search(undefined)).toEqual({ kind: 'unread' });
});

it('a server that shows the turns has the marker, or has none', async () => {
  expect(await search({ result: { data: [marked] } })).toMatchObject({
    kind: 'found',
    turn: { turnId: 't' },
  });
  expect(await search({ result: { data: [] } })).toEqual({ kind: 'none' });
});

it.each([
  ['a session without any prompt has no turns', 'thread s is not materialized yet', 'none'],
  ['a session that is missing has unknown turns', 'thread not loaded: s', 'unread'],
  ['an error that nobody knows leaves the turns unread', 'internal error', 'unread'],
])('%s', async (_, message, kind) => {
  expect(await search({ error: { code: -32600, message } })).toEqual({ kind });
});

it('an answer of an unknown shape leaves the turns unread', async () => {
  expect(await search({ result: { data: 'none' } })).toEqual({ kind: 'unread' });
});

it('a turn whose status is new does not hide the marker of another turn', async () => {
  const data = [{ id: 'other', status: 'compacted', items: [] }, marked];
  expect(await search({ result: { data } })).toMatchObject({ kind: 'found', turn: { turnId: 't' } });
});

/** A turn of another client that has read these items after its own prompt. */
async function searchJoined(status: string, read: object[]) {
  const own = { type: 'userMessage', id: 'i', clientId: null };
  const early = { type: 'agentMessage', id: 'a', text: 'To the first prompt.' };
  const pages = { summary: [own], full: [own, early, ...read] };
  const server = await startSocketServer(({ id, params }, reply) => {
    const { itemsView = 'summary' } = params as { itemsView?: keyof typeof pages };
    reply({ id, result: { data: [{ id: 't', status, items: pages[itemsView] }] } });
  });
  const outcome = await connect(server.path, { timeoutMs: 5000 });
  if (outcome.kind !== 'ok') throw new Error(outcome.kind);
  const markers = ['orp:job_1:lea_1'];
  const found = await findTurn(outcome.connection, 's', markers);
  const deep = await findDeep(outcome.connection, 's', markers);
  outcome.connection.close();
  server.close();
  return { found, deep };
}

it('a deep search finds a prompt that was added to a turn of another client, without the answer to another prompt', async () => {
  const { found, deep } = await searchJoined('interrupted', marked.items);
  expect(found).toEqual({ kind: 'none' });
  expect(deep).toMatchObject({ kind: 'found', turn: { isJoined: true, answer: undefined } });
});

it('a deep search does not call a prompt absent while a turn runs that may still read it', async () => {
  expect((await searchJoined('inProgress', [])).deep).toEqual({
    kind: 'pending',
    turnId: 't',
    isJoined: true,
  });
  expect((await searchJoined('completed', [])).deep).toEqual({ kind: 'none' });
});
