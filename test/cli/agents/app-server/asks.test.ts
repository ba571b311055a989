import { describe, expect, it } from 'vitest';
import type { AskAnswer } from '../../../../cli/agents/agent.ts';
import { readAsk, sendAnswer } from '../../../../cli/agents/app-server/asks.ts';
import type { ServerRequest } from '../../../../cli/agents/app-server/frames.ts';
import type { Connection } from '../../../../cli/agents/app-server/rpc.ts';

/** A request as it arrives: nothing of it was checked. */
function request(method: ServerRequest['method'], params: object): ServerRequest {
  const about = { threadId: 's', turnId: 't', itemId: 'i' };
  return { id: 7, method, params: { ...about, ...params } } as unknown as ServerRequest;
}

/** What the server gets for an answer; undefined when nothing is sent. */
function sent(asked: ServerRequest, answer: AskAnswer): unknown {
  let result: unknown;
  const connection = {
    answer: (_: unknown, given: unknown) => {
      result = given;
      return true;
    },
  } as unknown as Connection;
  const isSent = sendAnswer(connection, asked, answer);
  expect(isSent).toBe(result !== undefined);
  return result;
}

const PERMISSIONS = { network: { enabled: true }, fileSystem: null };

const COMMAND = 'item/commandExecution/requestApproval';
const FILE_CHANGE = 'item/fileChange/requestApproval';
const PERMISSION = 'item/permissions/requestApproval';
const INPUT = 'item/tool/requestUserInput';

describe('an ask of the agent', () => {
  it('offers the decisions that the server lists, and no amendment of its rules', () => {
    const amendment = { acceptWithExecpolicyAmendment: { execpolicy_amendment: ['ls'] } };
    const asked = request(COMMAND, { command: 'ls', availableDecisions: ['accept', amendment, 'cancel'] });
    expect(readAsk(asked)).toMatchObject({ askId: '7', subject: 'ls', decisions: ['accept', 'cancel'] });
    expect(sent(asked, { decision: 'decline' })).toBeUndefined();
    expect(sent(asked, { decision: 'accept' })).toEqual({ decision: 'accept' });
  });

  it('offers every decision when the server lists none', () => {
    const decisions = ['accept', 'accept_for_session', 'decline', 'cancel'];
    expect(readAsk(request(COMMAND, { command: 'ls' }))).toMatchObject({ decisions });
    expect(readAsk(request(FILE_CHANGE, { grantRoot: '/w', reason: 'It must write.' }))).toMatchObject({
      kind: 'file_change',
      subject: '/w',
      reason: 'It must write.',
      decisions,
    });
    expect(sent(request(FILE_CHANGE, {}), { decision: 'accept_for_session' })).toEqual({
      decision: 'acceptForSession',
    });
  });

  it('grants the requested permissions for a turn or a session, and nothing after a decline', () => {
    const asked = request(PERMISSION, { cwd: '/w', permissions: PERMISSIONS });
    const permissions = { network: { enabled: true } };
    expect(sent(asked, { decision: 'accept' })).toEqual({ permissions, scope: 'turn' });
    expect(sent(asked, { decision: 'accept_for_session' })).toEqual({ permissions, scope: 'session' });
    expect(sent(asked, { decision: 'decline' })).toEqual({ permissions: {}, scope: 'turn' });
    expect(sent(asked, { decision: 'cancel' })).toBeUndefined();
  });

  it('takes words for questions, and no decision', () => {
    const question = { id: 'q', header: 'Color', question: 'Which?', isSecret: false, options: null };
    const asked = request(INPUT, { questions: [question] });
    expect(readAsk(asked)).toMatchObject({
      kind: 'input',
      questions: [{ id: 'q', question: 'Which?', options: [], isSecret: false }],
    });
    expect(sent(asked, { answers: { q: ['red'] } })).toEqual({ answers: { q: { answers: ['red'] } } });
    expect(sent(asked, { decision: 'accept' })).toBeUndefined();
    expect(sent(request(COMMAND, {}), { answers: { q: ['red'] } })).toBeUndefined();
  });

  it('reads a request whose fields have other types than it should', () => {
    expect(readAsk(request(COMMAND, { command: 5, reason: {}, availableDecisions: 'all' }))).toMatchObject({
      subject: '',
      reason: undefined,
    });
    expect(readAsk(request(INPUT, { questions: 'none' }))).toMatchObject({ questions: [] });
  });

  it('leaves a question of another kind to the programs of the agent', () => {
    const asked = request('mcpServer/elicitation/request', { mode: 'form' });
    expect(readAsk(asked)).toBeUndefined();
    expect(sent(asked, { decision: 'accept' })).toBeUndefined();
  });
});
