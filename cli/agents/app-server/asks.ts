/** Converts approvals and questions of the app-server for a person, and converts the person's answers for the server. */

import * as z from 'zod';
import type { AgentAsk, AskAnswer, AskDecision } from '../agent.ts';
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

const words = z
  .string()
  .transform((text) => text || undefined)
  .optional()
  .catch(undefined);

/** The parameters of all kinds of requests. Each kind has only some of them. */
const asked = z.looseObject({
  turnId: z.string().catch(''),
  reason: words,
  command: words,
  grantRoot: words,
  cwd: words,
  /** A change of the agent's rules is an object here. The runner does not offer such a change. */
  availableDecisions: z.array(z.unknown()).nullish().catch(undefined),
  questions: z
    .array(
      z.looseObject({
        id: z.string(),
        question: z.string().catch(''),
        isSecret: z.boolean().catch(true),
        options: z
          .array(z.looseObject({ label: z.string() }))
          .nullish()
          .catch(undefined),
      }),
    )
    .catch([]),
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
