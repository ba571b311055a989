/** Tokens of more issuers, more places of a password, and more ways to print a text. */

import { describe, expect, it } from 'vitest';
import { MessageRedactor, REDACTED, Redactor, redactText } from '../../../../cli/runner/redaction/redact.ts';
import { ENCODINGS, leaks, series } from './samples.ts';

const hex = (length: number) =>
  Array.from({ length }, (_, i) => ((i * 11 + Math.floor(i / 16) * 5 + 5) % 16).toString(16)).join('');
const UUID = '01234567-89ab-cdef-0123-456789abcdef';

const TOKENS: Record<string, string[]> = {
  Stripe: ['sk', '_org_live_', series(40)],
  Bedrock: ['ABSK', 'QmVkcm9ja0FQSUtleS', series(80)],
  Netlify: ['nf', 'p_', series(36)],
  'Vercel Blob': ['vercel', '_blob_rw_', series(16), '_', series(30)],
  Supabase: ['sb', 'p_', hex(40)],
  'Supabase secret': ['sb', '_secret_', series(31)],
  Neon: ['na', 'pi_', series(64).toLowerCase()],
  'Neon password': ['np', 'g_', series(12)],
  Airtable: ['pat', series(14), '.', hex(64)],
  Asana: ['2/', '1234567890123456/', '1234567890123456:', hex(32)],
  'New Relic': ['NR', 'AK-', series(27).toUpperCase()],
  Datadog: ['dd', 'app_', series(34)],
  Honeycomb: ['hc', 'aik_01', series(56).toLowerCase()],
  Discord: ['MTA4', series(22), '.G', series(5), '.', series(38)],
  Twilio: ['S', 'K', hex(32)],
  Mailgun: ['key', '-', hex(32)],
  Mailchimp: [hex(32), '-us', '12'],
  Resend: ['r', 'e_', series(8), '_', series(24)],
  Square: ['EAA', 'A', series(60)],
  PayPal: ['access', '_token$production$', series(16).toLowerCase(), '$', hex(32)],
  Plaid: ['access', '-production-', UUID],
  Dropbox: ['s', 'l.', series(140)],
  Terraform: [series(14), '.atlasv1.', series(64)],
  'crates.io': ['ci', 'o', series(32)],
  NuGet: ['oy', '2', series(43).toLowerCase()],
  CircleCI: ['CCIP', 'AT_', series(22), '_', hex(40)],
  Buildkite: ['bk', 'ua_', hex(40)],
  SonarQube: ['sq', 'p_', hex(40)],
  Snyk: ['snyk', '_uat.', hex(8), '.', series(60)],
  ngrok: ['2', series(26), '_', series(21)],
  Slack: ['xo', 'xc-', '123456789012-123456789012-', hex(64)],
  PostHog: ['ph', 'x_', series(43)],
  ElevenLabs: ['s', 'k_', hex(48)],
  fal: [UUID, ':', hex(32)],
  Mapbox: ['s', 'k.eyJ', series(60), '.', series(22)],
  Contentful: ['CFP', 'AT-', series(43)],
  Together: ['tgp', '_v1_', series(43)],
  NVIDIA: ['nv', 'api-', series(64)],
  Cerebras: ['cs', 'k-', series(48).toLowerCase()],
  Firecrawl: ['f', 'c-', hex(32)],
  Tavily: ['tv', 'ly-', series(32)],
  Jina: ['ji', 'na_', series(60)],
  Pinecone: ['pc', 'sk_', series(5), '_', series(62)],
  Voyage: ['p', 'a-', series(43)],
  Fireworks: ['f', 'w_', series(24)],
};

const PLACES: Record<string, [before: string, secret: string, after: string]> = {
  'signature of a URL of S3': ['https://s3.example/o?X-Amz-Expires=60&X-Amz-Signature=', hex(64), ''],
  'signature of a URL of Azure': [
    'https://blob.example/b?sp=r&sig=',
    encodeURIComponent(`${series(42)}+=`),
    '',
  ],
  'curl with short options': ['curl -su admin:', series(12), ' https://host.example'],
  'sign-in of docker': ['docker login -u mira -p ', series(16), ' host.example'],
  'redis-cli': ['redis-cli -h host -a ', series(16), ' ping'],
  mariadb: ['mariadb -u root -p', series(12), ' db'],
  '.pgpass line': ['db.example:5432:app:mira:', series(16), ''],
  'setx of Windows': ['setx API_TOKEN ', series(20), ''],
  'XML attribute': ['<add key="ApiSecret" value="', series(24), '"/>'],
  'variable of Kubernetes': ['- name: DB_PASSWORD\n  value: "', series(14), '"'],
  'variable in JSON': ['{"name":"DB_PASSWORD","value":"', series(14), '"}'],
  'private JSON Web Key': ['{"kty":"EC","d":"', series(43), '"}'],
  'auth.json of Composer': ['{"github-oauth":{"github.com":"', hex(40), '"}}'],
  'secret of Rails': ['secret_key_base: ', hex(64), ''],
  'password that is a word': ['DB_PASSWORD=', 'correcthorsebattery', ''],
  'password that is a number': ['ADMIN_PASSWORD=', '48291736', ''],
};

const CASES = [
  ...Object.entries(TOKENS).map(([name, parts]) => ({ name, before: '', secret: parts.join(''), after: '' })),
  ...Object.entries(PLACES).map(([name, [before, secret, after]]) => ({ name, before, secret, after })),
];

/** Returns whether at every split the two pieces come out as the whole does. */
function isSameAtEverySplit(text: string): boolean {
  const whole = redactText(text, []);
  for (let at = 1; at < text.length; at += 1) {
    const redactor = new Redactor([]);
    if (redactor.push(text.slice(0, at)) + redactor.push(text.slice(at)) + redactor.end() !== whole)
      return false;
  }
  return true;
}

describe.each(CASES)('$name', ({ name, before, secret, after }) => {
  it.each(Object.entries(ENCODINGS))('is hidden %s', (_how, encode) => {
    const shown = redactText(`first line\n${encode(`${before}${secret}${after}`)}\nlast line\n`, []);

    expect(shown).toContain(REDACTED);
    expect(leaks(shown.replaceAll(REDACTED, '\n'), { name, text: secret, secret })).toBe(false);
  });

  it('is hidden at every split', () => {
    expect(isSameAtEverySplit(`first\n${before}${secret}${after}\nlast\n`)).toBe(true);
  });
});

const TOKEN = ['gh', 'p_', series(36)].join('');
const BYTES = [...Buffer.from(TOKEN)];
const each = (print: (byte: number) => string, between = '') => BYTES.map(print).join(between);
const PRINTED: Record<string, string> = {
  'as a buffer of Node': `<Buffer ${each((byte) => byte.toString(16), ' ')}>`,
  'as a buffer in JSON': JSON.stringify(Buffer.from(TOKEN)),
  'as an array of C': `{ ${each((byte) => `0x${byte.toString(16)}`, ', ')} }`,
  'in braces of JavaScript': each((byte) => `\\u{${byte.toString(16)}}`),
  'in octal numbers': each((byte) => `\\${byte.toString(8).padStart(3, '0')}`),
  'in bold, as man prints it': [...TOKEN].map((char) => `${char}\b${char}`).join(''),
  'underlined, as man prints it': [...TOKEN].map((char) => `_\b${char}`).join(''),
  'with zero-width spaces': [...TOKEN].join('\u200b'),
  'with a soft hyphen': `${TOKEN.slice(0, 9)}\u00ad${TOKEN.slice(9)}`,
  'with a bidirectional mark': `${TOKEN.slice(0, 9)}\u202e${TOKEN.slice(9)}`,
  'with zeros': [...TOKEN].join('\0'),
  'as UTF-16 in base64': Buffer.from(TOKEN, 'utf16le').toString('base64'),
  'as UTF-16 in hex': Buffer.from(TOKEN, 'utf16le').toString('hex'),
  'with long entities': each((byte) => `&#x0000${byte.toString(16)};`),
  'with color as cat -v prints it': `${TOKEN.slice(0, 6)}^[[0m${TOKEN.slice(6)}`,
};

describe('a token', () => {
  it.each(Object.entries(PRINTED))('is hidden %s, and at every split', (_how, printed) => {
    const shown = redactText(`first ${printed} last\n`, []);

    expect(shown).toContain(REDACTED);
    expect(shown.length).toBeLessThan(60);
    expect(isSameAtEverySplit(`first ${printed} last\n`)).toBe(true);
  });
});

describe('a message', () => {
  it.each([
    'The variable is npm_config',
    'rename it to secret_name',
    'call hf_hub_download',
    'the field api_org_name',
    'see the file key-value',
    'it uses pul-request',
  ])('that ends like the beginning of a token is left as it is: %s', (message) => {
    expect(new MessageRedactor([]).push(message)).toBe(message);
  });
});

describe('ordinary text', () => {
  it.each([
    'PASSWORD=password',
    'MAX_TOKEN=128000',
    '{"name":"token","value":"string"}',
    '<path d="M12h5v10h3" />',
    `trace ${hex(32)}-${hex(16)}`,
    `id ${UUID}:12`,
    '[12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30]',
    'docker run -p 8080:80 image123',
    'https://host.example/x?sig=short',
  ])('such as %j is left as it is', (text) => {
    expect(redactText(text, [])).toBe(text);
  });
});
