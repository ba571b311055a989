/**
 * Prefixed ids. Every id is safe in a path, a query, a file name and argv: letters, digits, `_` and `-` only
 * (the v0.4.4 client does not escape `/` in paths, so an id must not contain a slash).
 */

import * as z from 'zod/mini';

export const ID_PREFIXES = {
  user: 'usr',
  idea: 'ide',
  feature: 'fea',
  detail: 'det',
  world: 'wor',
  checkpoint: 'chk',
  response: 'rsp',
  job: 'job',
  lease: 'lea',
  request: 'req',
  workspace: 'wsp',
  snapshot: 'snp',
  event: 'evt',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

/** A branded id: a job id cannot be passed where a user id is expected. */
export type Id<Kind extends IdKind> = string & { readonly __id: Kind };
export type UserId = Id<'user'>;

/** Machine ids are created by clients (as UUIDs today). The server treats them as opaque text of 1 to 128 safe characters. */
export const MACHINE_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** Agent session ids become arguments and file names, so they have no leading dash, no white space and no separators. */
export const AGENT_SESSION_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$/;

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * Makes an id: nine base-32 digits of `at` (epoch ms, valid until the year 3084), then the random bytes. Ids of one kind sort
 * by their creation time, so a table needs no second index to list the newest rows first.
 */
export function makeId<Kind extends IdKind>(kind: Kind, at: number, random: Uint8Array): Id<Kind> {
  let time = '';
  for (let rest = Math.floor(at), digit = 0; digit < 9; digit += 1, rest = Math.floor(rest / 32)) {
    time = ALPHABET.charAt(rest % 32) + time;
  }
  const tail = Array.from(random, (byte) => ALPHABET.charAt(byte % 32)).join('');
  return `${ID_PREFIXES[kind]}_${time}${tail}` as Id<Kind>;
}

/** Returns the lowest possible id of a kind that was created at or after `at`. It is a bound for range reads. */
export function lowestIdAt<Kind extends IdKind>(kind: Kind, at: number): Id<Kind> {
  return makeId(kind, at, new Uint8Array());
}

/** Any id in a path: bounded, and without characters that would change the path. Unknown ids answer 404 later. */
export const pathId = z
  .string()
  .check(
    z.regex(
      /^(?!\.+$)[A-Za-z0-9._:~-]{1,128}$/,
      'must be an id of letters, digits and . _ : ~ -, and not only dots',
    ),
  );

/** A machine id in a request. */
export const machineIdField = z
  .string()
  .check(z.regex(MACHINE_ID_PATTERN, 'must be 1 to 128 letters, digits and . _ : -'));
