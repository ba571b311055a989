/** A search for a marker says whether the server showed the turns. */

import { expect, it } from 'vitest';
import { connect } from '../../../../cli/agents/app-server/rpc.ts';
import { findDeep, findTurn } from '../../../../cli/agents/app-server/server-session.ts';
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

it('a server that knows no turns of the session has none', async () => {
  expect(await search({ error: { code: -32600, message: 'no rollout found' } })).toEqual({ kind: 'none' });
});

it('an answer of an unknown shape leaves the turns unread', async () => {
  expect(await search({ result: { data: 'none' } })).toEqual({ kind: 'unread' });
});

it('a turn whose status is new does not hide the marker of another turn', async () => {
  const data = [{ id: 'other', status: 'compacted', items: [] }, marked];
  expect(await search({ result: { data } })).toMatchObject({ kind: 'found', turn: { turnId: 't' } });
});

it('a deep search finds a prompt that joined a turn of another client', async () => {
  const own = { type: 'userMessage', id: 'i', clientId: null };
  const pages = { summary: [own], full: [own, ...marked.items] };
  const server = await startSocketServer(({ id, params }, reply) => {
    const { itemsView = 'summary' } = params as { itemsView?: keyof typeof pages };
    reply({ id, result: { data: [{ id: 't', status: 'interrupted', items: pages[itemsView] }] } });
  });
  const outcome = await connect(server.path, { timeoutMs: 5000 });
  if (outcome.kind !== 'ok') throw new Error(outcome.kind);
  const markers = ['orp:job_1:lea_1'];
  expect(await findTurn(outcome.connection, 's', markers)).toEqual({ kind: 'none' });
  expect(await findDeep(outcome.connection, 's', markers)).toMatchObject({ kind: 'found' });
  outcome.connection.close();
  server.close();
});
