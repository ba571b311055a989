/** What counts as a secret: values of the environment whose names say so, and the known shapes of tokens and keys. */

/** Shorter values (`1`, `true`, `oauth`) would tear ordinary text apart. */
const MIN_SECRET_CHARS = 8;

const SECRET_NAME =
  /(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PASS|APIKEY|KEY|KEYS|CREDENTIALS?|BYPASS|PAT|AUTH|AUTHORIZATION)(?:_\d+)?$|(?:TOKEN|SECRET|PASSWORD|PASSPHRASE|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY)/i;

/** Names that only point at a secret. */
const POINTER_NAME = /_(?:FILE|PATH|DIR|SOCK|ASKPASS|HELPER|URL|URI|ID|NAME|EXPIRES|EXPIRY|TTL)$/i;

/** Values of environment variables whose names look secret, longest first, so that no part hides a whole. */
export function secretValues(env: NodeJS.ProcessEnv, more: readonly string[] = []): string[] {
  const values = new Set<string>();
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && SECRET_NAME.test(name) && !POINTER_NAME.test(name)) addSecret(values, value);
  }
  for (const value of more) addSecret(values, value);
  return [...values].sort((a, b) => b.length - a.length);
}

function addSecret(values: Set<string>, value: string): void {
  const secret = value.trim();
  if (secret.length < MIN_SECRET_CHARS) return;
  values.add(secret);
  // Output may hold it inside a JSON string.
  values.add(JSON.stringify(secret).slice(1, -1));
}

/**
 * Shapes of tokens. A named group `keep` is what stays readable before the secret.
 * All are free of nested repetition: hostile output cannot make them slow.
 */
const SHAPES = [
  /\bsk-[A-Za-z0-9_-]{16,}/,
  /\bgh[pousr]_[A-Za-z0-9]{20,}/,
  /\bgithub_pat_[A-Za-z0-9_]{20,}/,
  /\bglpat-[A-Za-z0-9_-]{16,}/,
  /\bdvt_[A-Za-z0-9_-]{16,}/,
  /\bnpm_[A-Za-z0-9]{30,}/,
  /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/,
  /\bAIza[A-Za-z0-9_-]{30,}/,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/,
  /(?<keep>aws_(?:secret_access_key|session_token)["']?\s{0,8}[=:]\s{0,8}["']?)[A-Za-z0-9/+=]{20,}/i,
  /\beyJ[A-Za-z0-9_-]{10,512}\.[A-Za-z0-9_-]{10,4096}\.[A-Za-z0-9_-]{10,}/,
  /(?<keep>\bBearer\s{1,8})[A-Za-z0-9._~+/-]{16,}=*/i,
  /(?<keep>\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@]{0,256}:)[^\s@/]{3,256}(?=@)/i,
];

const KEY_BEGIN = '-----BEGIN ';
/** A private key; one whose end has not arrived reaches to the end of the text. */
const KEY_BLOCK =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g;
/** The title line of a block, still arriving. */
const HALF_KEY_TITLE = /-----BEGIN [A-Z0-9 ]{0,60}-{0,4}$/;

/** The words before a secret that has not arrived yet. */
const HALF_KEEP =
  /(?:aws_(?:secret_access_key|session_token)["']?\s{0,8}[=:]?\s{0,8}["']?|\bBearer\s{1,8})$/i;
const KEEP_CHARS = 64;
const MAX_TOKEN_CHARS = 4096;

/** A stretch of text to be replaced: from, to (exclusive). */
export type Stretch = readonly [from: number, to: number];

/** Every secret in `text`, in order and without overlaps. */
export function findSecrets(text: string, literals: readonly string[]): Stretch[] {
  const found: Stretch[] = [];
  for (const literal of literals) {
    for (let at = text.indexOf(literal); at >= 0; at = text.indexOf(literal, at + literal.length)) {
      found.push([at, at + literal.length]);
    }
  }
  for (const shape of SHAPES) {
    for (const match of text.matchAll(new RegExp(shape, `${shape.flags}g`))) {
      found.push([match.index + (match.groups?.keep?.length ?? 0), match.index + match[0].length]);
    }
  }
  for (const match of text.matchAll(KEY_BLOCK)) found.push([match.index, match.index + match[0].length]);
  return merge(found);
}

/** How much of `text`'s beginning is settled: no secret that is still arriving starts before this index. */
export function settledLength(text: string, literals: readonly string[]): number {
  let settled = startOfLastWord(text);
  const before = text.slice(Math.max(0, settled - KEEP_CHARS), settled);
  settled -= HALF_KEEP.exec(before)?.[0].length ?? 0;
  const tail = text.slice(-2 * KEEP_CHARS);
  settled = Math.min(settled, text.length - (HALF_KEY_TITLE.exec(tail)?.[0].length ?? 0));
  for (const match of text.matchAll(KEY_BLOCK)) {
    if (match.index + match[0].length === text.length) settled = Math.min(settled, match.index);
  }
  for (const literal of [...literals, KEY_BEGIN]) {
    settled = Math.min(settled, text.length - overlap(text, literal));
  }
  return settled;
}

/** Where the run of visible characters at the end begins: it may be a token that is still arriving. */
function startOfLastWord(text: string): number {
  const earliest = Math.max(0, text.length - MAX_TOKEN_CHARS);
  let start = text.length;
  while (start > earliest && !/\s/.test(text.charAt(start - 1))) start -= 1;
  return start;
}

/** Length of the longest end of `text` that is a proper beginning of `literal`. */
function overlap(text: string, literal: string): number {
  for (let size = Math.min(text.length, literal.length - 1); size > 0; size -= 1) {
    if (literal.startsWith(text.slice(text.length - size))) return size;
  }
  return 0;
}

function merge(stretches: Stretch[]): Stretch[] {
  const merged: [number, number][] = [];
  for (const [from, to] of stretches.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from < last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}
