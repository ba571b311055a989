/** `codex app-server --listen unix://PATH`: the part of its protocol that `orp` uses, for sessions whose prompts are recipes. */

import { randomUUID } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { reach } from './death.mjs';
import { RecipeRun } from './recipe.mjs';
import { TranscriptFile } from './transcript.mjs';

/** How long a stubborn turn takes to obey an interrupt. */
const STUBBORN_MS = 1500;

/** A session that is loaded, with its subscribers. */
class Thread {
  #subscribers = new Set();
  /** The commands that turns left running. */
  #terminals = [];
  #turn;

  constructor(id) {
    this.id = id;
    this.transcript = new TranscriptFile(id);
  }

  get status() {
    return { type: this.#turn === undefined ? 'idle' : 'active', activeFlags: [] };
  }

  subscribe(socket) {
    this.#subscribers.add(socket);
    socket.once('close', () => this.#subscribers.delete(socket));
  }

  unsubscribe(socket) {
    this.#subscribers.delete(socket);
  }

  page() {
    return { data: this.transcript.turns(this.#turn?.id), nextCursor: null };
  }

  /** Starts a turn. As in Codex, if another turn runs, the new prompt joins that turn. */
  start(clientId, prompt) {
    if (this.#turn !== undefined) return this.#turn.id;
    const turn = { id: randomUUID(), marker: clientId, end: new AbortController() };
    this.#turn = turn;
    this.transcript.write({ record: 'prompt', turnId: turn.id, clientId, at: Date.now() });
    setImmediate(() => this.#run(turn, prompt));
    return turn.id;
  }

  interrupt(turnId) {
    if (this.#turn?.id !== turnId) throw new Error('no active turn to interrupt');
    const { end, isStubborn } = this.#turn;
    setTimeout(() => end.abort(), isStubborn ? STUBBORN_MS : 0);
  }

  cleanTerminals() {
    for (const child of this.#terminals.splice(0)) child.kill('SIGKILL');
  }

  async #run(turn, prompt) {
    const run = new RecipeRun(prompt, this.id);
    turn.isStubborn = run.recipe.behaviour === 'stubborn';
    this.#tell('turn/started', { turn: { id: turn.id, status: 'inProgress', items: [], error: null } });
    const prompted = { type: 'userMessage', id: `${turn.id}-prompt`, clientId: turn.marker };
    this.#tell('item/started', { turnId: turn.id, item: prompted });
    const show = {
      piece: async (at, command, text) => {
        const item = { type: 'commandExecution', id: `${turn.id}-${at}`, command };
        this.#tell('item/started', { turnId: turn.id, item });
        const done = { ...item, aggregatedOutput: text, exitCode: 0, status: 'completed' };
        this.#tell('item/completed', { turnId: turn.id, item: done });
      },
      answer: async (text) => {
        this.transcript.write({ record: 'answer', turnId: turn.id, text });
        reach('answer written');
        const item = { type: 'agentMessage', id: `${turn.id}-answer`, text };
        this.#tell('item/completed', { turnId: turn.id, item });
      },
    };
    const status = await run.work(show, turn.end.signal);
    if (run.child !== undefined) this.#terminals.push(run.child);
    const message = status === 'failed' ? `${run.run} could not do it` : undefined;
    if (status !== 'interrupted') run.end();
    this.transcript.write({ record: 'end', turnId: turn.id, status, message, at: Date.now() });
    reach('end written');
    this.#turn = undefined;
    const error = message === undefined ? null : { message, codexErrorInfo: null };
    const answer = this.transcript
      .turns()
      .find(({ id }) => id === turn.id)
      ?.items.at(-1);
    const items = answer?.type === 'agentMessage' ? [answer] : [];
    this.#tell('turn/completed', { turn: { id: turn.id, status, items, error } });
  }

  #tell(method, params) {
    const frame = JSON.stringify({ method, params: { threadId: this.id, ...params } });
    for (const socket of this.#subscribers) socket.send(frame);
  }
}

const threads = new Map();

function threadOf(id) {
  const thread = threads.get(id) ?? new Thread(id);
  threads.set(id, thread);
  return thread;
}

const METHODS = {
  initialize: () => ({ userAgent: 'chaos', codexHome: process.env.CODEX_HOME ?? '' }),
  'thread/resume': ({ threadId }, socket) => {
    const thread = threadOf(threadId);
    thread.subscribe(socket);
    return { thread: { id: threadId, status: thread.status }, initialTurnsPage: thread.page() };
  },
  'thread/read': ({ threadId }) => ({ thread: { id: threadId, status: threadOf(threadId).status } }),
  'thread/loaded/list': () => ({ data: [...threads.keys()], nextCursor: null }),
  'thread/turns/list': ({ threadId }) => threadOf(threadId).page(),
  'thread/unsubscribe': ({ threadId }, socket) => {
    threadOf(threadId).unsubscribe(socket);
    return { status: 'unsubscribed' };
  },
  'thread/backgroundTerminals/clean': ({ threadId }) => {
    threadOf(threadId).cleanTerminals();
    return {};
  },
  'turn/start': ({ threadId, clientUserMessageId, input }) => {
    const id = threadOf(threadId).start(clientUserMessageId, input[0].text);
    return { turn: { id, status: 'inProgress', items: [], error: null } };
  },
  'turn/interrupt': ({ threadId, turnId }) => {
    threadOf(threadId).interrupt(turnId);
    return {};
  },
};

function answer(socket, text) {
  const { id, method, params } = JSON.parse(text);
  if (id === undefined) return;
  try {
    const handler = METHODS[method];
    if (handler === undefined) throw new Error(`unknown method ${method}`);
    reach(`before ${method}`);
    const result = handler(params ?? {}, socket);
    reach(`after ${method}`);
    socket.send(JSON.stringify({ id, result }));
  } catch (error) {
    socket.send(JSON.stringify({ id, error: { code: -32600, message: error.message } }));
  }
}

export function serve(path) {
  rmSync(path, { force: true });
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  sockets.on('connection', (socket) => {
    socket.on('error', () => undefined);
    socket.on('message', (data) => answer(socket, String(data)));
  });
  http.listen(path, () => chmodSync(path, 0o600));
}
