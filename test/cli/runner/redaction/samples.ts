/**
 * A text with a secret of every known shape. The secrets are put together from parts and from a fixed series of characters:
 * none of them is in the repository as it stands, so that no scanner takes one for real.
 */

import { stripVTControlCharacters } from 'node:util';

export interface Sample {
  name: string;
  text: string;
  /** What must not be seen. */
  secret: string;
}

const ALPHABET = 'q7Rz2LmX9sVb4KdT8cWy1HfJ6gNp3PxZ5tQa0vBk';

/** `length` characters, digits and letters of both cases, always the same. */
export function series(length: number, start = 0): string {
  return Array.from({ length }, (_, i) => ALPHABET[(start + i * 7 + Math.floor(i / 40) * 3) % 40]).join('');
}

function hex(length: number): string {
  return Array.from({ length }, (_, i) => ((i * 11 + 5) % 16).toString(16)).join('');
}

function token(...parts: string[]): [text: string, secret: string] {
  const secret = parts.join('');
  return [secret, secret];
}

function behind(before: string, secret: string, after = ''): [text: string, secret: string] {
  return [`${before}${secret}${after}`, secret];
}

const BODY = Array.from({ length: 6 }, (_, i) => series(64, i)).join('\n');
const title = (word: string) => `-----${word} RSA PRIVATE ${'KEY'}-----`;
const BASIC = Buffer.from(`mira:${series(12)}`).toString('base64');

const TEXTS: Record<string, [text: string, secret: string]> = {
  'GitHub token': token('gh', 'p_', series(36)),
  'GitHub app token': token('gh', 's_', series(36)),
  'fine-grained GitHub token': token('github', '_pat_', series(22), '_', series(59)),
  'GitLab token': token('glp', 'at-', series(20)),
  'OpenAI key': token('sk', '-proj-', series(48)),
  'Anthropic key': token('sk', '-ant-api03-', series(93), 'AA'),
  'Stripe key': token('sk', '_live_', series(24)),
  'restricted Stripe key': token('rk', '_live_', series(24)),
  'AWS key id': token('AK', 'IA', 'Q7RZ2LMX9SVB4KDT'),
  'AWS secret': behind('aws_secret_access_key = ', series(40)),
  'npm token': token('np', 'm_', series(36)),
  'Hugging Face token': token('h', 'f_', series(34).replace(/\d/g, 'x')),
  'PyPI token': token('py', 'pi-', 'AgEIcHlwaS5vcmc', series(60)),
  'SendGrid key': token('S', 'G.', series(22), '.', series(43)),
  'Google OAuth token': token('ya', '29.', series(60)),
  'Google API key': token('AI', 'za', series(35)),
  'Slack bot token': token('xo', 'xb-', '123456789012-1234567890123-', series(24)),
  'Slack app token': token('xa', 'pp-', '1-A0123456789-1234567890123-', series(48).toLowerCase()),
  'JSON Web Token': token('ey', 'J', series(33), '.', 'ey', 'J', series(60), '.', series(43)),
  'device token': token('dv', 't_', series(32)),
  'Bearer header': behind('Authorization: Bearer ', series(32)),
  'Bearer header without digits': behind(
    'Authorization: Bearer ',
    series(60).replace(/\d/g, '').slice(0, 32),
  ),
  'Basic header': behind('Authorization: Basic ', BASIC),
  'API key header': behind('X-Api-Key: ', series(24)),
  'Cookie header': behind('Cookie: ', `session=${series(24)}; theme=dark`),
  'Slack webhook': behind('https://hooks.slack.com/services/', `T01234567/B01234567/${series(24)}`),
  'Discord webhook': behind('https://discord.com/api/webhooks/', `123456789012345678/${series(68)}`),
  'URL with a password': behind('https://mira:', series(12), '@host/path'),
  'URL with a token': behind('https://', series(40), '@host.example/path'),
  'URL with a token without digits': behind(
    'https://',
    series(60).replace(/\d/g, '').slice(0, 32),
    '@host.example/path',
  ),
  '.npmrc line': behind('//registry.example/:_authToken=', series(36)),
  '.npmrc password': behind('//registry.example/:_password=', Buffer.from(series(12)).toString('base64')),
  '.netrc line': behind('machine host.example login mira password ', series(12)),
  '.netrc line without a login': behind('machine host.example password ', series(12)),
  '.netrc line with an account': behind('machine host.example login mira account a password ', series(12)),
  'XML element with a password': behind('<password>', series(12), '</password>'),
  'variable of fish': behind('set -gx GITHUB_TOKEN ', series(20)),
  'password of sshpass': behind('sshpass -p ', series(12), ' ssh host'),
  'password of mysql': behind('mysql -u root -p', series(12), ' db'),
  'label of two words': behind('Secret Access Key: ', series(40)),
  'sentence about a token': behind('The API token is ', series(24), '.'),
  'variable with a password': behind('DB_PASSWORD=', 'correct-horse-battery'),
  'exported variable': behind('export MYSQL_PWD=', series(12)),
  'JSON field with a key': behind('{"apiKey": "', series(24), '"}'),
  'YAML line with a token': behind('client_secret: ', series(24)),
  'query with a token': behind('https://host.example/x?page=1&access_token=', series(24), '&y=2'),
  'option with a password': behind('tool --password ', series(12)),
  'private key': behind('', `${title('BEGIN')}\n${BODY}\n${title('END')}`),
  'private key that is cut at its end': behind('', `${title('BEGIN')}\n${BODY}`),
  'private key that is cut at its beginning': behind('', `${BODY}\n${title('END')}`),
  'tail of a key with a short last line': behind('', `${BODY}\n${series(30)}==\n${title('END')}`),
  'tail of a PGP key': behind('', `${BODY}\n${series(30)}\n=aB1c\n-----END PGP PRIVATE ${'KEY'} BLOCK-----`),
  'DigitalOcean token': token('do', 'p_v1_', hex(64)),
};

export const SAMPLES: readonly Sample[] = Object.entries(TEXTS).map(([name, [text, secret]]) => ({
  name,
  text,
  secret,
}));

/** Ways in which tools and agents print a text. */
export const ENCODINGS: Record<string, (text: string) => string> = {
  bare: (text) => text,
  'after ANSI': (text) => `\x1b[01;31m\x1b[K${text}\x1b[m\x1b[K`,
  'after ANSI in JSON': (text) => JSON.stringify(`\x1b[31m${text}\x1b[0m`),
  'in JSON': (text) => JSON.stringify({ text: `one\n${text}\n` }),
  'in JSON in JSON': (text) => JSON.stringify(JSON.stringify({ text: `one\n${text}\n` })),
  'as base64': (text) => Buffer.from(`one\n${text}\n`).toString('base64'),
  'as wrapped base64': (text) => Buffer.from(`one\n${text}\n`).toString('base64').replace(/.{76}/g, '$&\n'),
  'as base64url': (text) => Buffer.from(`one\n${text}\n`).toString('base64url'),
  'as base64 behind a name': (text) => `data_${Buffer.from(`{"x":"${text}"}`).toString('base64')}`,
  'as URL': (text) => encodeURIComponent(`one\n"${text}"`),
  'as hex': (text) => Buffer.from(`one\n${text}\n`).toString('hex'),
};

/** Returns whether `shown` still holds a part of `secret` that is worth something, in any of the encodings. */
export function leaks(shown: string, { secret }: Sample): boolean {
  const decoded = [shown, stripVTControlCharacters(shown), safeDecode(shown)];
  for (const run of shown.replaceAll('\n', '').match(/[A-Za-z0-9+/_-]{12,}/g) ?? []) {
    for (const shift of [0, 1, 2, 3]) {
      decoded.push(Buffer.from(run.slice(shift), 'base64').toString('latin1'));
      decoded.push(Buffer.from(run.slice(shift), 'hex').toString('latin1'));
    }
  }
  const flat = secret.replaceAll('\n', '');
  const all = decoded.map((text) => text.replace(/\\+n|\n/g, '')).join('\0');
  for (let at = 0; at + 10 <= flat.length; at += 1) if (all.includes(flat.slice(at, at + 10))) return true;
  return false;
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
