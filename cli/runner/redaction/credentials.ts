/**
 * Finds secrets by the text before them: in headers, URLs, files of tools, and assignments to names such as `client_secret`.
 */

import type { Stretch } from './view.ts';

/** Matches a value that is not a secret: a program computes it, or a person must fill it in. */
const PLACEHOLDER =
  /^(?:[$<{%[(*]|\\|x{4,}|\.{3}|your|my[-_]|example|change|replace|insert|dummy|null$|none$|true$|false$|undefined$|process\.|redacted)/i;
const PLACEHOLDER_PASSWORD =
  /^(?:pass|password|pwd|pass?wd|secret|token|pw|user|username|auth|port|\d{1,5}|\*+)$/i;

interface Rule {
  /** A text that must be present for the rule to match, in lower case. */
  needs: string;
  /** The group `s` is the secret. Every repetition is bounded. */
  pattern: RegExp;
  accepts?: (secret: string, name: string) => boolean;
}

const RULES: readonly Rule[] = [
  {
    needs: 'bearer',
    pattern: /\bbearer(?:\s|\+){1,8}(?<s>[A-Za-z0-9._~+/-]{16,}=*)/gi,
    accepts: (token) => looksRandom(token) || isLongRun(token),
  },
  {
    needs: 'basic',
    pattern: /\bbasic(?:\s|\+){1,8}(?<s>[A-Za-z0-9+/_-]{8,}={0,2})/gi,
    accepts: isUserAndPassword,
  },
  {
    needs: 'authorization',
    pattern:
      /authorization["'\]]{0,2}\s{0,4}[:=]\s{0,4}["'`]?(?:[a-z][a-z0-9-]{1,20}\s{1,4}(?:token=)?)?(?<s>[^\s"'`,;<>()[\]{}$]{8,})/gi,
    accepts: (value) => isTokenLike(value) && !isCode(value),
  },
  {
    needs: 'aws_',
    pattern: /aws_(?:secret_access_key|session_token)["']?\s{0,8}[=:]\s{0,8}["']?(?<s>[A-Za-z0-9/+=]{20,})/gi,
  },
  {
    needs: 'cookie',
    pattern:
      /cookie2?["'\]]{0,2}\s{0,4}:\s{0,4}["'`]?(?<s>[\w.%-]{1,64}=[^\s;"'`$<{\\]{6,}(?:;[^\r\n"'`]{0,4096})?)/gi,
    accepts: (pairs) => isTokenLike(/=([^;]*)/.exec(pairs)?.[1] ?? ''),
  },
  {
    needs: '://',
    pattern: /:\/\/[^\s:/@"'`<>]{0,256}:(?<s>[^\s@/"'`<>]{4,256})(?=@[\w[])/gi,
    accepts: (password) => !PLACEHOLDER_PASSWORD.test(password) && !/[${}<>*]|%[sd]/.test(password),
  },
  {
    needs: '://',
    pattern: /\bhttps?:\/\/(?<s>[\w.~%+-]{16,512})(?=(?::|:x-oauth-basic)?@[\w[])/gi,
    accepts: (token) => looksRandom(token) || isLongRun(token),
  },
  {
    needs: 'hooks.slack',
    pattern: /hooks\.slack(?:-gov)?\.com\/(?:services|workflows|triggers)\/(?<s>[\w+/-]{20,})/gi,
  },
  {
    needs: 'webhook',
    pattern: /\/(?:api\/(?:v\d{1,2}\/)?)?webhooks?(?:b2)?\/(?<s>[\w@./-]{20,})/gi,
    accepts: looksRandom,
  },
  {
    needs: 'hooks.',
    pattern: /\/\/hooks\.[\w.-]{3,80}\/(?:hooks\/)?(?:catch\/)?(?<s>[\w./-]{16,})/gi,
    accepts: looksRandom,
  },
  { needs: ':aa', pattern: /(?<![0-9])\d{8,10}:(?<s>AA[A-Za-z0-9_-]{32,})/g },
  {
    needs: 'login',
    pattern:
      /\b(?:machine\s{1,8}\S{1,256}|default)\s{1,16}login\s{1,8}\S{1,256}\s{1,16}password\s{1,8}(?<s>\S{3,})/g,
    accepts: (password) => !PLACEHOLDER.test(password),
  },
  {
    needs: 'machine',
    pattern:
      /\bmachine\s{1,8}\S{1,256}(?:\s{1,16}(?:login|account)\s{1,8}\S{1,256}){0,2}\s{1,16}password\s{1,8}(?<s>\S{6,})/g,
    accepts: isTokenLike,
  },
  { needs: 'sshpass', pattern: /\bsshpass\s{1,8}-p\s{0,8}["']?(?<s>[^\s"'$<{]{4,})/g },
  {
    needs: ' -p',
    pattern:
      /\b(?:docker|podman|nerdctl|buildah|skopeo|crane|helm|oras)\b[^\r\n]{0,200}?\blogin\b[^\r\n]{0,200}?\s-p[ =]["']?(?<s>[^\s"'$<{-][^\s"'$<{]{5,})/g,
    accepts: isTokenLike,
  },
  {
    needs: 'redis-cli',
    pattern: /\bredis-cli\b[^\r\n]{0,200}?\s-a\s{1,4}["']?(?<s>[^\s"'$<{-][^\s"'$<{]{5,})/g,
  },
  {
    needs: ':5432:',
    pattern: /(?<![\w.*-])[\w.*-]{1,256}:5432:[^\s:"']{1,64}:[^\s:"']{1,64}:(?<s>[^\s"']{4,256})/g,
  },
  {
    needs: 'sig',
    pattern: /[?&](?:x-(?:amz|goog)-signature|sig|signature)=(?<s>[A-Za-z0-9%+/_-]{32,1024}={0,2})/gi,
    accepts: looksRandom,
  },
  { needs: 'signature=', pattern: /\bSignature=(?<s>[0-9a-f]{64})(?![0-9a-f])/g },
  {
    needs: '"kty"',
    pattern: /"(?:d|k|p|q|dp|dq|qi)"\s{0,4}:\s{0,4}"(?<s>[A-Za-z0-9_-]{22,1400})"/g,
    accepts: looksRandom,
  },
  {
    needs: 'github-oauth',
    pattern: /"github-oauth"\s{0,4}:\s{0,4}\{\s{0,20}"[^"]{1,100}"\s{0,4}:\s{0,4}"(?<s>[^"\s]{20,256})"/g,
  },
  {
    needs: 'setx',
    pattern: /\bsetx\s{1,4}(?<name>\w{1,80})\s{1,4}["']?(?<s>[^\s"'%]{6,1024})/gi,
    accepts: (value, name) => looksSecret(name) && isTokenLike(value),
  },
  {
    needs: 'value',
    pattern:
      /\b(?:key|name)["']?\s{0,4}[:=]\s{0,4}["']?(?<name>[\w.:-]{1,80})["']?\s{0,4},?\s{0,40}["']?value["']?\s{0,4}[:=]\s{0,4}["']?(?<s>[^\s"'<>]{6,1024})/gi,
    accepts: (value, name) =>
      (isVariableName(name) ? looksSecret(name) : isSecretField(name)) &&
      isTokenLike(value) &&
      !isCode(value),
  },
  {
    needs: 'm',
    pattern:
      /\b(?:mysql|mariadb)(?:-?dump|-?admin)?\b[^\r\n]{0,400}?\s-p["']?(?<s>[^\s"'$<{-][^\s"'$<{]{5,})/g,
    accepts: isTokenLike,
  },
  {
    needs: '</',
    pattern: /<(?<name>[A-Za-z][\w.:-]{1,80})>(?<s>[^<>\s]{6,1024})<\/\k<name>>/g,
    accepts: (value, name) => isSecretField(name) && isTokenLike(value) && !isCode(value),
  },
  {
    needs: ' ',
    pattern:
      /\b(?:access|api|secret|private|auth|client|account|signing|encryption|bearer|refresh)[ -](?:access[ -])?(?:key|token|secret)(?:[ \t]{0,4}(?::|=|\bis\b)|[ \t])[ \t]{0,8}["'`]?(?<s>[^\s"'`,;<>()[\]{}$]{16,})/gi,
    accepts: (value) => isTokenLike(value) && !isCode(value) && !/:\/\/|^[./~]/.test(value),
  },
  {
    needs: '_auth',
    pattern: /:_authToken["']?\s{0,4}[=:]\s{0,4}["']?(?<s>[^\s"'`$<{]{6,})/gi,
    accepts: (value) => isTokenLike(value) || value.length >= 20,
  },
  { needs: '_', pattern: /(?:^|[\s:])_(?:auth|password)\s{0,4}=\s{0,4}["']?(?<s>[A-Za-z0-9+/]{8,}={0,2})/g },
  {
    needs: 'curl',
    pattern:
      /\bcurl\b[^\r\n]{0,400}?\s(?:-[a-zA-Z]{0,8}u|--user)[ =]{0,2}["']?[^\s:"'$]{1,128}:(?<s>[^\s"'$<{]{4,})/g,
    accepts: (password) => !PLACEHOLDER_PASSWORD.test(password),
  },
];

/** Finds secrets after a header, in URLs and in files of tools. */
export function findCredentials(text: string): Stretch[] {
  const lower = text.toLowerCase();
  const found: Stretch[] = [];
  for (const { needs, pattern, accepts } of RULES) {
    if (!lower.includes(needs)) continue;
    for (const match of text.matchAll(pattern)) {
      const secret = match.groups?.s ?? '';
      const from = match.index + match[0].lastIndexOf(secret);
      if (accepts === undefined || accepts(secret, match.groups?.name ?? ''))
        found.push([from, from + secret.length]);
    }
  }
  return [...found, ...findAssignments(text)];
}

const TELLING =
  /(?:passw(?:or)?d|passphrase|passcode|sshpass|pgpass|_pwd|_pass|secret|token|credential|_creds|api[-_.]?key|apikey|_key|[a-z]Key|-key|_jwt|cookie|_auth|_bypass|_pat\b|"auth"|_salt|webhook)/gi;
const NAME_CHAR = /[A-Za-z0-9_.-]/;
const MAX_NAME = 80;
/** The text between a name and its value. */
const ASSIGN =
  /(?<close>["'\]]{0,2})(?<op>\s{0,4}(?:=>|:=|=|:)\s{0,4}|\s{1,4})(?<quote>["'`]?)(?<value>[^\s"'`]{6,1024})/y;

function findAssignments(text: string): Stretch[] {
  const found: Stretch[] = [];
  let done = 0;
  for (const { index } of text.matchAll(TELLING)) {
    if (index < done) continue;
    const [from, to] = nameAround(text, index);
    done = to;
    ASSIGN.lastIndex = to;
    const groups = ASSIGN.exec(text)?.groups;
    if (groups === undefined) continue;
    const assignment = {
      name: text.slice(from, to),
      before: text.slice(Math.max(0, from - 12), from),
      op: groups.op ?? '',
      quote: groups.quote ?? '',
    };
    const value = assignment.quote === '' ? bare(groups.value ?? '') : (groups.value ?? '');
    if (!isSecretValue(assignment, value, text.charAt(ASSIGN.lastIndex))) continue;
    const start = ASSIGN.lastIndex - (groups.value ?? '').length;
    found.push([start, start + value.length]);
  }
  return found;
}

function nameAround(text: string, index: number): Stretch {
  let from = index;
  while (from > 0 && index - from < MAX_NAME && NAME_CHAR.test(text.charAt(from - 1))) from -= 1;
  let to = index;
  if (text.charAt(to) === '"') to += 1;
  while (to < text.length && to - index < MAX_NAME && NAME_CHAR.test(text.charAt(to))) to += 1;
  return [from, to];
}

/** Removes characters at the end of an unquoted value that close a statement, a list or a query. */
function bare(value: string): string {
  return value.replace(/[&;,)\]}<>].*$/, '').replace(/[.:]$/, '');
}

interface Assignment {
  name: string;
  before: string;
  op: string;
  quote: string;
}

function isSecretValue({ name, before, op, quote }: Assignment, value: string, next: string): boolean {
  if (value.length < 6 || PLACEHOLDER.test(value) || /\$\{|\{\{|^[./~]|\[redacted/.test(value)) return false;
  const isFish = /\bset\s{1,4}-[a-zA-Z]*x[a-zA-Z]*\s{1,4}$/.test(before);
  if (/^\s+$/.test(op) && isFish) return looksSecret(name) && (quote === '' ? !isCode(value) : true);
  if (/^\s+$/.test(op))
    return /^-{2}/.test(name) && isSecretField(name) && isTokenLike(value) && !/[(=[]/.test(value);
  const isVariable =
    op === '=' &&
    isVariableName(name) &&
    /(?:^|[\n"'`;&|]|\b(?:export|set|env|ENV|ARG|declare -x)\s|-e\s|\s)$/.test(before);
  if (isVariable)
    return (
      looksSecret(name) && !/[()]/.test(value) && (quote !== '' || !isCode(value) || isPassword(name, value))
    );
  if (!isSecretField(name)) return false;
  if (quote !== '')
    return (
      next === quote &&
      isTokenLike(value) &&
      !/[()]|:\/\/|^#[0-9a-fA-F]{3,8}$/.test(value) &&
      !CONSTANT.test(value)
    );
  return isTokenLike(value) && !isCode(value);
}

function isVariableName(name: string): boolean {
  return /^[A-Z][A-Z0-9_]*$/.test(name);
}

/** Returns whether a value of a password name is a secret. Many passwords are only a word or a number. */
function isPassword(name: string, value: string): boolean {
  return (
    /(?:PASSWORD|PASSWD|PASSPHRASE|PASSCODE|_PWD|_PASS)$/.test(name) &&
    /^(?:[a-z]{8,}|\d{6,})\d{0,4}$/.test(value) &&
    !PLACEHOLDER_PASSWORD.test(value)
  );
}

/** The name of a constant. */
const CONSTANT = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/;

/** A name, a call or a member of a program. */
function isCode(value: string): boolean {
  if (CONSTANT.test(value)) return true;
  return /[()[\]{}|?!*"'`\\]|=>|^[A-Za-z_$][A-Za-z_$]*\d{0,2}$|^[\d._-]+[a-z]{0,3}$|^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)+$/.test(
    value,
  );
}

/** Returns whether a value looks like a token: digits between letters, or base64 of a user and a password. */
function isTokenLike(value: string): boolean {
  if (value.length < 6 || PLACEHOLDER.test(value)) return false;
  return (/\d/.test(value) && /[A-Za-z]/.test(value)) || isUserAndPassword(value);
}

/** Returns whether a value looks random: digits between letters, or mixed upper and lower case. */
function looksRandom(value: string): boolean {
  return /\d/.test(value) && /[A-Za-z]/.test(value) && !PLACEHOLDER.test(value);
}

/** Returns whether a value has more letters in a row than a word or a name. */
function isLongRun(value: string): boolean {
  return /^[A-Za-z]{24,}$/.test(value) && !PLACEHOLDER.test(value);
}

function isUserAndPassword(value: string): boolean {
  if (!/^[A-Za-z0-9+/_-]{8,}={0,2}$/.test(value)) return false;
  return /^[\x20-\x7e]{0,256}:[\x20-\x7e]{1,256}$/.test(Buffer.from(value, 'base64').toString('latin1'));
}

/** Words in names that suggest a secret value. The same rule applies to variables, fields, headers and options. */
const WORDS =
  'TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PASSCODE|PASS|PWD|PW|APIKEY|KEY|CREDENTIAL|CREDENTIALS|CREDS?|BYPASS|PAT|AUTH|AUTHORIZATION|COOKIE|COOKIES|JWT|BEARER|MNEMONIC|WEBHOOK|WEBHOOK_URL|CONNECTION_STRING|CONNSTR|SALT|PEPPER|OTP';

/** Matches such a word at the end of a name, or anywhere in it. `PWD` alone is a folder. */
const SECRET_NAME = new RegExp(
  `(?:^|_)(?:${WORDS})(?:S|_\\d+)?$|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY|SSHPASS|PGPASS|WEBHOOK`,
);

/** Names of values that only point to a secret, measure it or describe it. */
const POINTER_NAME =
  /_(?:FILE|PATH|DIR|SOCK|ASKPASS|HELPER|UR[IL]|ID|NAME|EXPIRES|EXPIRY|EXPIRATION|TTL|TYPE|LENGTH|LIMIT|COUNT|SIZE|HASH|FORMAT|PATTERN|REGEX|PREFIX|SUFFIX|FIELD|HEADER|HOST|PORT|VERSION|ALGORITHM|ENDPOINT|ISSUER|AGE|PROVIDER|STORE|INDEX)$/;

const FOLDERS = new Set(['PWD', 'OLDPWD', 'INIT_CWD']);

/** Returns whether a name suggests that its value is a secret: `DB_PASSWORD`, `clientSecret`, `x-api-key`. */
export function looksSecret(name: string): boolean {
  const words = wordsOf(name);
  if (FOLDERS.has(words)) return false;
  if (/WEBHOOK_UR[IL]$/.test(words)) return true;
  return SECRET_NAME.test(words) && !POINTER_NAME.test(words);
}

const FIELD =
  /(?:^|_)(?:PASSWORD|PASSWD|PASSPHRASE|PASSCODE|PWD|SECRET|TOKEN|CREDENTIALS?|JWT|SSHPASS|PGPASS|APIKEY|COOKIE|AUTH)(?:_\d+)?$|(?:API|ACCESS|PRIVATE|SECRET|SIGNING|ENCRYPTION|ACCOUNT|MASTER|DEPLOY|SERVICE|CLIENT|SHARED|LICENSE|STORAGE|AUTH)_?KEY(?:_\d+)?$|(?:SECRET|PASSWORD|TOKEN)_?(?:VALUE|BASE64)$|SECRET_KEY_BASE$|CLIENT_KEY_DATA$/;

/** Like `looksSecret`, but without words that programs often use for ordinary values (`key`, `pass`, `salt`). */
export function isSecretField(name: string): boolean {
  return FIELD.test(wordsOf(name));
}

/** `clientSecret`, `client-secret` and `client.secret` as `CLIENT_SECRET`. */
function wordsOf(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .toUpperCase();
}
