import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { secretValues } from '../../../../cli/runner/redaction/environment-secrets.ts';
import { REDACTED, Redactor, redactResult, redactText } from '../../../../cli/runner/redaction/redact.ts';

const KEY = '-----BEGIN RSA PRIVATE KEY-----\nMIIabcdef\n-----END RSA PRIVATE KEY-----';
const SECRETS = [
  'sk-proj-abcdefghijklmnop1234',
  'ghp_abcdefghijklmnopqrstuvwxyz0123',
  'dvt_abcdefghijklmnop0123456789',
  'lnk_aBcdefghijklmnopqrstuvwxyz0123456789-_ABCDE',
  'dvc_aBcdefghijklmnopqrstuvwxyz0123456789-_ABCDE',
  'AKIAABCDEFGHIJKLMNOP',
  KEY,
  'hunter2 hunter2',
];
const LITERALS = secretValues({ DB_PASSWORD: 'hunter2 hunter2' });

describe('secret values of the environment', () => {
  it('are those whose names look secret and that are long enough', () => {
    const env = { MY_TOKEN: 'abcdefghij', API_KEY: 'short', PWD: '/home/mira/work', GH_PAT: 'zyxwvutsrq' };

    expect(secretValues(env, ['device-token-1'])).toEqual(['device-token-1', 'abcdefghij', 'zyxwvutsrq']);
  });

  it('leave out what only points at a secret', () => {
    expect(
      secretValues({ SSH_AUTH_SOCK: '/tmp/agent.sock', AWS_ACCESS_KEY_ID_FILE: '/etc/keys/file' }),
    ).toEqual([]);
  });

  it('are found inside a JSON string, too', () => {
    const literals = secretValues({ APP_SECRET: 'line one\n"two"' });

    expect(redactText('{"text":"line one\\n\\"two\\""}', literals)).toBe(`{"text":"${REDACTED}"}`);
  });
});

describe('redaction', () => {
  it.each(SECRETS)('hides %j and nothing around it', (secret) => {
    expect(redactText(`before ${secret} after`, LITERALS)).toBe(`before ${REDACTED} after`);
  });

  it.each([
    ['Authorization: Bearer abcdefghijklmnop1234', `Authorization: Bearer ${REDACTED}`],
    ['https://mira:letmein@host/x', `https://mira:${REDACTED}@host/x`],
    ['aws_secret_access_key = abcdefghijklmnopqrst/uvwxyz', `aws_secret_access_key = ${REDACTED}`],
  ])('keeps what stands before the secret: %s', (text, redacted) => {
    expect(redactText(text, [])).toBe(redacted);
  });

  it.each(['task-force-alpha-and-omega', 'https://host:8080/path', 'the bearer of news', 'AKIA', 'a sk- b'])(
    'leaves ordinary text alone: %s',
    (text) => {
      expect(redactText(text, LITERALS)).toBe(text);
    },
  );

  it('is the same however the text is cut into pieces', () => {
    const word = fc.oneof(
      fc.constantFrom(...SECRETS, '\n', ' ', '-----BEGIN '),
      fc.string({ unit: 'grapheme' }),
    );
    fc.assert(
      fc.property(
        fc.array(word),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        (words, sizes) => {
          const text = words.join(' ');
          const redactor = new Redactor(LITERALS);
          let out = '';
          for (let from = 0, turn = 0; from < text.length; turn += 1) {
            const size = sizes[turn % sizes.length] ?? 1;
            out += redactor.push(text.slice(from, from + size));
            from += size;
          }

          expect(out + redactor.end()).toBe(redactText(text, LITERALS));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('hides a secret wherever it lies in a long text that comes in large pieces', () => {
    const piece = 64 * 1024;
    const secret = 'hunter2 hunter2';
    for (const border of [1, 2, 3]) {
      const text = 'word '.repeat(4 * piece);
      const at = border * piece - 5;
      const redactor = new Redactor(LITERALS);
      let out = '';
      const all = `${text.slice(0, at)}${secret}${text.slice(at)}`;
      for (let from = 0; from < all.length; from += piece)
        out += redactor.push(all.slice(from, from + piece));
      out += redactor.end();

      expect(out === redactText(all, LITERALS)).toBe(true);
    }
  });

  it('shows whole lines at once and holds nothing back', () => {
    const redactor = new Redactor(LITERALS);

    expect(redactor.push('building\n')).toBe('building\n');
    expect(redactor.end()).toBe('');
  });

  it('holds back a bounded amount, whatever comes', () => {
    const redactor = new Redactor([]);
    let shown = redactor.push('-----BEGIN PRIVATE KEY-----\n').length;
    for (let i = 0; i < 100; i += 1) shown += redactor.push('A'.repeat(1024)).length;

    expect(shown).toBeGreaterThan(0);
  });

  it('never cuts a character in two', () => {
    const redactor = new Redactor([]);
    const out = redactor.push('😀'.repeat(3000));

    expect(Buffer.from(out).toString()).toBe(out);
  });
});

describe('a result', () => {
  it('is redacted in its answer, its summary and its error', () => {
    const text = 'it was hunter2 hunter2';
    const redacted = `it was ${REDACTED}`;

    expect(redactResult({ outcome: 'failed', content: text, summary: text, error: text }, LITERALS)).toEqual({
      outcome: 'failed',
      content: redacted,
      summary: redacted,
      error: redacted,
    });
  });

  it('holds back the last line of a key between color codes until its title comes', () => {
    const red = (text: string) => `\u001b[31m${text}\u001b[0m\n`;
    const last = 'Xk2Vq9Lw7TzR4mHsEa1bPg==';
    const redactor = new Redactor([]);
    const shown =
      redactor.push(red(last)) + redactor.push(red('-----END PRIVATE KEY-----')) + redactor.push('done\n');
    expect(shown + redactor.end()).not.toContain(last);
    expect(shown + redactor.end()).toContain('done');
  });
});
