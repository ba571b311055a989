/** Reads the frames of the app-server. An unreadable frame is ignored, and the reason is reported. */

import { METHODS, type ServerNotifications, type ServerRequests } from './protocol.generated.ts';

export type NotificationMethod = keyof ServerNotifications;
export type RequestMethod = keyof ServerRequests;

/** A notification that `orp` knows. Its parameters are an object; their fields are not checked. */
export type ServerNotification = {
  [M in NotificationMethod]: { method: M; params: ServerNotifications[M] };
}[NotificationMethod];

/** A request that `orp` knows. Its `id` stays the same when the server sends it again after a reconnect. */
export type ServerRequest = {
  [M in RequestMethod]: { id: string | number; method: M; params: ServerRequests[M]['params'] };
}[RequestMethod];

/** The answer of the server to a call. */
export type Answer = { kind: 'ok'; result: object } | { kind: 'error'; code: number; message: string };

export type Frame =
  | { kind: 'answer'; id: number; answer: Answer }
  | { kind: 'notification'; notification: ServerNotification }
  | { kind: 'request'; request: ServerRequest }
  | { kind: 'ignored'; why: string };

/** The code of an answer that has the wrong shape. It is no code of JSON-RPC, because the server may have done what was asked. */
export const UNREADABLE = 0;
/** The maximum length of an error message for people. A longer message is cut. */
const MAX_MESSAGE_LENGTH = 4096;

const NOTIFICATIONS: ReadonlySet<unknown> = new Set(METHODS.ServerNotifications);
const REQUESTS: ReadonlySet<unknown> = new Set(METHODS.ServerRequests);

export function readFrame(text: string): Frame {
  const frame = parseObject(text);
  if (frame === undefined) return ignored('The frame is not a JSON object.');
  const { id, method, params } = frame;
  if (method === undefined) return readAnswer(id, frame);
  if (!isObject(params)) return ignored('The parameters are not an object.');
  if (id === undefined) {
    if (!NOTIFICATIONS.has(method)) return ignored('The notification is unknown.');
    return { kind: 'notification', notification: { method, params } as unknown as ServerNotification };
  }
  if (typeof id !== 'number' && typeof id !== 'string') return ignored('The id of the request is invalid.');
  if (!REQUESTS.has(method)) return ignored('The request is unknown.');
  return { kind: 'request', request: { id, method, params } as unknown as ServerRequest };
}

function readAnswer(id: unknown, frame: Readonly<Record<string, unknown>>): Frame {
  if (typeof id !== 'number') return ignored('The frame has neither a method nor the id of a call.');
  return { kind: 'answer', id, answer: answerOf(frame) };
}

function answerOf({ result, error }: Readonly<Record<string, unknown>>): Answer {
  if (isObject(error)) {
    const code = typeof error.code === 'number' ? error.code : UNREADABLE;
    const message = typeof error.message === 'string' ? error.message : 'The app-server gave no reason.';
    return { kind: 'error', code, message: message.slice(0, MAX_MESSAGE_LENGTH) };
  }
  if (isObject(result)) return { kind: 'ok', result };
  return {
    kind: 'error',
    code: UNREADABLE,
    message: 'The app-server answered with neither a result nor an error.',
  };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    // The frame is not JSON, so it is not from this protocol.
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function ignored(why: string): Frame {
  return { kind: 'ignored', why };
}
