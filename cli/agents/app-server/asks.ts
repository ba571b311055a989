/**
 * Approvals and questions of the app-server: converted for a person, with the person's answers converted for the server, and the
 * unanswered ones of one session.
 */

import * as z from 'zod/mini';
import type { AgentAsk, AskAnswer, AskDecision, AskListener } from '../agent.ts';
import type { ServerRequest } from './frames.ts';
import type { GrantedPermissionProfile } from './protocol.generated.ts';
import type { Connection } from './rpc.ts';

const ALL: readonly AskDecision[] = ['accept', 'accept_for_session', 'decline', 'cancel'];
/** The answer to a permission request. The turn continues whether the permission is granted or not. */
const GRANTS: readonly AskDecision[] = ['accept', 'accept_for_session', 'decline'];

const WIRE = {
  accept: 'accept',
  accept_for_session: 'acceptForSession',
  decline: 'decline',
  cancel: 'cancel',
} as const satisfies Record<AskDecision, string>;

const words = z.catch(
  z.optional(
    z.pipe(
      z.string(),
      z.transform((text) => text || undefined),
    ),
  ),
  undefined,
);

/** The parameters of all kinds of requests. Each kind has only some of them. */
const asked = z.looseObject({
  turnId: z.catch(z.string(), ''),
  reason: words,
  command: words,
  grantRoot: words,
  cwd: words,
  /** A change of the agent's rules is an object here. The runner does not offer such a change. */
  availableDecisions: z.catch(z.nullish(z.array(z.unknown())), undefined),
  questions: z.catch(
    z.array(
      z.looseObject({
        id: z.string(),
        question: z.catch(z.string(), ''),
        isSecret: z.catch(z.boolean(), true),
        options: z.catch(z.nullish(z.array(z.looseObject({ label: z.string() }))), undefined),
      }),
    ),
    [],
  ),
});

/** Returns undefined for a question that only the agent's own programs can show. */
export function readAsk(request: ServerRequest): AgentAsk | undefined {
  const { turnId, reason, command, grantRoot, cwd, availableDecisions, questions } = asked.parse(
    request.params,
  );
  const about = { askId: String(request.id), turnId, reason, questions: [] };
  switch (request.method) {
    case 'item/commandExecution/requestApproval': {
      const decisions = ALL.filter((decision) => availableDecisions?.includes(WIRE[decision]) ?? true);
      return { ...about, kind: 'command', subject: command ?? '', decisions };
    }
    case 'item/fileChange/requestApproval':
      return { ...about, kind: 'file_change', subject: grantRoot ?? '', decisions: ALL };
    case 'item/permissions/requestApproval':
      return { ...about, kind: 'permissions', subject: cwd ?? '', decisions: GRANTS };
    case 'item/tool/requestUserInput':
      return {
        ...about,
        kind: 'input',
        subject: '',
        decisions: [],
        questions: questions.map(({ id, question, isSecret, options }) => ({
          id,
          question,
          isSecret,
          options: (options ?? []).map(({ label }) => label),
        })),
      };
    case 'mcpServer/elicitation/request':
      return undefined;
  }
}

/** Sends the answer. Returns false if the request does not take such an answer, or if the connection is closed. */
export function sendAnswer(connection: Connection, request: ServerRequest, answer: AskAnswer): boolean {
  if ('answers' in answer) {
    if (request.method !== 'item/tool/requestUserInput') return false;
    const entries = Object.entries(answer.answers).map(([id, given]) => [id, { answers: [...given] }]);
    return connection.answer(request, { answers: Object.fromEntries(entries) });
  }
  const { decision } = answer;
  if (readAsk(request)?.decisions.includes(decision) !== true) return false;
  switch (request.method) {
    case 'item/commandExecution/requestApproval':
      return connection.answer(request, { decision: WIRE[decision] });
    case 'item/fileChange/requestApproval':
      return connection.answer(request, { decision: WIRE[decision] });
    case 'item/permissions/requestApproval': {
      const { network, fileSystem } = request.params.permissions;
      const asWanted = { ...(network && { network }), ...(fileSystem && { fileSystem }) };
      // An empty profile grants nothing.
      const permissions: GrantedPermissionProfile = decision === 'decline' ? {} : asWanted;
      return connection.answer(request, {
        permissions,
        scope: decision === 'accept_for_session' ? 'session' : 'turn',
      });
    }
    default:
      return false;
  }
}

/** A turn asks one thing after the other. */
const MOST_OPEN = 64;
/**
 * The maximum length of a question as JSON. The runner ignores a longer question and leaves it to the other clients of the agent, so that
 * memory stays bounded.
 */
const MOST_ASKED = 256 * 1024;

/** The unanswered questions of one session. */
export class OpenAsks {
  readonly #connection: Connection;
  readonly #threadId: string;
  readonly #open = new Map<string, { request: ServerRequest; ask: AgentAsk }>();
  readonly #listeners = new Set<AskListener>();
  readonly #stops: (() => void)[];

  /** Made before the session is opened: the server repeats open requests while it opens the session. */
  constructor(connection: Connection, threadId: string) {
    this.#connection = connection;
    this.#threadId = threadId;
    this.#stops = [
      connection.onRequest((request) => this.#hear(request)),
      connection.onNotification(({ method, params }) => {
        if (method === 'serverRequest/resolved' && params.threadId === threadId)
          this.#close(String(params.requestId));
      }),
    ];
  }

  listen(listener: AskListener): () => void {
    this.#listeners.add(listener);
    for (const { ask } of this.#open.values()) listener.onAsk(ask);
    return () => this.#listeners.delete(listener);
  }

  answer(askId: string, answer: AskAnswer): boolean {
    const open = this.#open.get(askId);
    if (open === undefined || !sendAnswer(this.#connection, open.request, answer)) return false;
    this.#close(askId);
    return true;
  }

  dispose(): void {
    for (const stop of this.#stops) stop();
    for (const askId of [...this.#open.keys()]) this.#close(askId);
  }

  #hear(request: ServerRequest): void {
    if (request.params.threadId !== this.#threadId) return;
    const ask = readAsk(request);
    if (ask === undefined) return;
    const isKnown = this.#open.has(ask.askId);
    if (!isKnown && this.#open.size >= MOST_OPEN) return;
    if (JSON.stringify(request.params).length > MOST_ASKED) return;
    this.#open.set(ask.askId, { request, ask });
    if (!isKnown) for (const listener of this.#listeners) listener.onAsk(ask);
  }

  #close(askId: string): void {
    if (!this.#open.delete(askId)) return;
    for (const listener of this.#listeners) listener.onClosed(askId);
  }
}
