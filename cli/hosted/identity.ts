/** Who an answer says one is, in the shapes of contract/hosted-api.md §1–§2. */

import { readString } from '../files/fields.ts';
import { isObject, type JsonObject } from '../files/json-file.ts';

/** The user of a sign-in answer: an object, or top-level fields; undefined when neither is there. */
export function userOf(answer: JsonObject): JsonObject | undefined {
  if (isObject(answer.user)) return withoutNulls(answer.user);
  const id = readString(answer, 'userId');
  const email = readString(answer, 'email');
  const name = readString(answer, 'name');
  if (id === undefined && email === undefined && name === undefined) return undefined;
  return withoutNulls({ id, email, name });
}

/** What a sign-in answer means. The order of the questions is the contract's. */
export type SignIn =
  | { kind: 'pending'; verification: JsonObject }
  | { kind: 'connected'; token: string; user: JsonObject }
  | { kind: 'unclear' };

/** Reads the answer to a sign-in with a password. */
export function readSignIn(answer: JsonObject): SignIn {
  if (isObject(answer.pendingVerification)) {
    return { kind: 'pending', verification: answer.pendingVerification };
  }
  const connected = readConnected(answer);
  const expiresAt = readString(answer, 'expiresAt');
  // A service that sends the end of a token beside the token is understood, too.
  if (expiresAt !== undefined && connected.kind !== 'connected') {
    return { kind: 'pending', verification: { expiresAt } };
  }
  return connected;
}

/** Reads the answer to a code: a token and a user, or nothing usable. */
export function readConnected(answer: JsonObject): SignIn {
  const token = readString(answer, 'token');
  const user = userOf(answer);
  return token === undefined || user === undefined ? { kind: 'unclear' } : { kind: 'connected', token, user };
}

function withoutNulls(record: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== null && value !== undefined),
  );
}
