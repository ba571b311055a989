/**
 * A fake model for a real Codex binary, on this machine. It implements the streaming Responses API and answers from the
 * conversation in the request. It has no memory, so a correct answer about an earlier turn proves that the session was
 * resumed.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The fields of a conversation item that this model reads. */
interface InputItem {
  type?: string;
  role?: string;
  content?: { text?: string }[] | string;
  output?: unknown;
}

interface ModelRequest {
  model?: string;
  input: InputItem[];
  tools?: { name?: string; type?: string }[];
}

type OutputItem =
  | { type: 'message'; role: 'assistant'; id: string; content: { type: 'output_text'; text: string }[] }
  | { type: 'function_call'; id: string; call_id: string; name: string; arguments: string };

export interface ModelServer {
  /** The `base_url` of the model provider in Codex's configuration. */
  baseUrl: string;
  /** All requests so far, oldest first. */
  requests: ModelRequest[];
  close(): Promise<void>;
}

const CODE_WORD = /code word is ([A-Za-z0-9-]+)/;
const RUN = /^run: (.+)$/m;
/** Requests a command outside the sandbox, for which Codex asks a person. */
const ASK = /^ask: (.+)$/m;
const REFUSE = /^refuse: (.+)$/m;
/** Makes the server answer with this status and body. */
const STATUS = /^status: (\d{3}) (.+)$/m;
/** With a status: the usage limit of the account resets at this time (epoch seconds). */
const RESETS = /^resets: (\d+)$/m;
/** The turn ends without an answer. */
const SILENT = /^say nothing$/m;

const USAGE = {
  input_tokens: 120,
  input_tokens_details: { cached_tokens: 20 },
  output_tokens: 12,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 132,
};

function textOf(item: InputItem): string {
  if (typeof item.content === 'string') return item.content;
  return (item.content ?? []).map((part) => part.text ?? '').join('\n');
}

/** Returns the answer to a conversation. Pure, so a test can expect the exact answer. */
function answerTo(input: InputItem[]): string {
  const prompts = input.filter((item) => item.role === 'user').map(textOf);
  const prompt = prompts.at(-1) ?? '';
  const known = prompts.map((text) => CODE_WORD.exec(text)?.[1]).findLast((word) => word !== undefined);

  if (/what is the code word/i.test(prompt)) {
    return known ? `The code word is ${known}.` : 'I was never told a code word.';
  }
  if (/current state/i.test(prompt) && /action items/i.test(prompt)) return review(known);
  const told = CODE_WORD.exec(prompt)?.[1];
  return told ? `I will remember ${told}.` : `I read: ${prompt.trim().split('\n')[0] ?? ''}`;
}

function review(known: string | undefined): string {
  const state = known
    ? `The code word ${known} is known in this session.`
    : 'Nothing is known in this session.';
  return [
    `## Previous state\nThe repository was linked.`,
    `## Current state\n${state}`,
    `## Heading state\nMore prompts follow.`,
    `## Review notes\n- Small and clear.\n- Nothing is fake.`,
    `## Action items\n1. Keep going.`,
  ].join('\n\n');
}

/** With `isOutside`, the model requests a run outside the sandbox. */
function shellCall(
  request: ModelRequest,
  { command, isOutside }: { command: string; isOutside: boolean },
  id: string,
): OutputItem {
  const names = (request.tools ?? []).map((tool) => tool.name ?? tool.type);
  const call = { type: 'function_call', id: `fc_${id}`, call_id: `call_${id}` } as const;
  const outside = isOutside ? { sandbox_permissions: 'require_escalated', justification: 'It writes.' } : {};
  if (names.includes('exec_command')) {
    return { ...call, name: 'exec_command', arguments: JSON.stringify({ cmd: command, ...outside }) };
  }
  if (names.includes('shell_command')) {
    return { ...call, name: 'shell_command', arguments: JSON.stringify({ command }) };
  }
  return { ...call, name: 'shell', arguments: JSON.stringify({ command: ['bash', '-c', command] }) };
}

function outputFor(request: ModelRequest, id: string): OutputItem {
  const lastPrompt = request.input.findLastIndex((item) => item.role === 'user');
  const prompt = lastPrompt < 0 ? '' : textOf(request.input[lastPrompt] ?? {});
  const asked = ASK.exec(prompt)?.[1];
  const command = asked ?? RUN.exec(prompt)?.[1];
  const hasRun = request.input.slice(lastPrompt).some((item) => item.type === 'function_call_output');
  if (command && !hasRun) return shellCall(request, { command, isOutside: asked !== undefined }, id);
  const text = answerTo(request.input);
  return { type: 'message', role: 'assistant', id: `msg_${id}`, content: [{ type: 'output_text', text }] };
}

function lastPromptOf(request: ModelRequest): string {
  return textOf(request.input.findLast((item) => item.role === 'user') ?? {});
}

function streamAnswer(response: ServerResponse, request: ModelRequest, number: number): void {
  const id = `resp_${number}`;
  const send = (type: string, data: object): void => {
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
  };
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  send('response.created', { response: { id } });
  const prompt = lastPromptOf(request);
  const refusal = REFUSE.exec(prompt)?.[1];
  if (refusal) {
    send('response.failed', { response: { id, error: { code: 'invalid_prompt', message: refusal } } });
  } else {
    if (!SILENT.test(prompt)) {
      send('response.output_item.done', { output_index: 0, item: outputFor(request, id) });
    }
    send('response.completed', { response: { id, usage: USAGE } });
  }
  response.end();
}

function limitHeaders(resetsAt: string | undefined): Record<string, string> {
  if (resetsAt === undefined) return {};
  return {
    'x-codex-primary-used-percent': '100',
    'x-codex-primary-window-minutes': '300',
    'x-codex-primary-reset-at': resetsAt,
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Starts the model on a free loopback port. */
export async function startModelServer(): Promise<ModelServer> {
  const requests: ModelRequest[] = [];
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST' || !request.url?.endsWith('/responses')) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{}');
      return;
    }
    const body = JSON.parse(await readBody(request)) as ModelRequest;
    requests.push(body);
    const [, status, answer] = STATUS.exec(lastPromptOf(body)) ?? [];
    const resetsAt = RESETS.exec(lastPromptOf(body))?.[1];
    const isOver = resetsAt !== undefined && Date.now() >= Number(resetsAt) * 1000;
    if (status !== undefined && !isOver) {
      const headers = limitHeaders(resetsAt);
      response.writeHead(Number(status), { 'content-type': 'application/json', ...headers }).end(answer);
      return;
    }
    streamAnswer(response, body, requests.length);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
