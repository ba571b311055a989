import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { secretValues } from '../../../../cli/runner/redaction/environment-secrets.ts';
import { MessageRedactor, REDACTED, Redactor, redactText } from '../../../../cli/runner/redaction/redact.ts';
import { projectPath } from '../../../../scripts/local/project-path.ts';
import { ENCODINGS, leaks, SAMPLES, type Sample, series } from './samples.ts';

function stream(text: string, cuts: readonly number[], secrets: readonly string[]): string {
  const redactor = new Redactor(secrets);
  let out = '';
  let from = 0;
  for (const to of [...cuts, text.length]) {
    out += redactor.push(text.slice(from, to));
    from = to;
  }
  return out + redactor.end();
}

describe.each(Object.entries(ENCODINGS))('a secret %s', (_name, encode) => {
  it.each(SAMPLES)('is hidden: $name', (sample) => {
    const text = `first line\n${encode(sample.text)}\nlast line\n`;
    const shown = redactText(text, []);

    expect(shown).toContain(REDACTED);
    expect(leaks(shown, sample)).toBe(false);
    expect(shown).toMatch(/^first line\n[\s\S]*last line\n$/);
  });
});

describe('a secret that is split', () => {
  it.each(SAMPLES)('between two pieces of output is hidden at every position: $name', (sample) => {
    const text = `first line\n${sample.text}\nlast line\n`;
    const whole = redactText(text, []);
    for (let at = 0; at <= text.length; at += 1) expect(stream(text, [at], [])).toBe(whole);
  });

  const { bare: _bare, ...encodings } = ENCODINGS;

  it.each(Object.entries(encodings))(
    '%s between two pieces of output is hidden at every position',
    { timeout: 60_000 },
    (_name, encode) => {
      for (const { name, text: sample } of SAMPLES) {
        const text = `first line\n${encode(sample)}\nlast line\n`;
        const whole = redactText(text, []);
        for (let at = 0; at <= text.length; at += 1) {
          if (stream(text, [at], []) !== whole) expect.unreachable(`${name} at ${at}`);
        }
      }
    },
  );

  it('between any pieces is hidden, whatever its encoding', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...SAMPLES),
        fc.constantFrom(...Object.values(ENCODINGS)),
        fc.array(fc.nat(2000), { maxLength: 8 }),
        (sample, encode, cuts) => {
          const text = `one\n${encode(sample.text)}\ntwo`;
          const shown = stream(
            text,
            cuts.sort((a, b) => a - b),
            [],
          );

          expect(shown).toBe(redactText(text, []));
        },
      ),
      { numRuns: 400 },
    );
  });

  const tokens = SAMPLES.filter(({ text, secret }) => text === secret && !text.includes('\n'));

  it.each(tokens)('between two messages is hidden at every position: $name', (sample) => {
    // Its beginning says only whose token it is.
    const worth = { ...sample, secret: sample.secret.slice(-Math.floor(sample.secret.length * 0.6)) };
    for (let at = 1; at < sample.text.length; at += 1) {
      const redactor = new MessageRedactor([]);
      const first = redactor.push(`It is ${sample.text.slice(0, at)}`);
      const second = redactor.push(`${sample.text.slice(at)} as I said.`);

      expect(leaks(`${first.replaceAll(REDACTED, '')}${second.replaceAll(REDACTED, '')}`, worth)).toBe(false);
      expect(leaks(redactor.answer(`${sample.text.slice(at)} as I said.`), worth)).toBe(false);
    }
  });

  it('in a long line without an end is hidden, wherever it lies', () => {
    const secret = SAMPLES[0] as Sample;
    for (const noise of ['word ', 'x', 'QUJD', '{"a":1},', '%20']) {
      for (const at of [8_000, 16_380, 24_560, 65_530, 90_000]) {
        const text = `${noise.repeat(Math.ceil(at / noise.length))}"${secret.text}"${noise.repeat(20_000)}`;
        const sizes = [4096, 65_536, 10_000];
        for (const size of sizes) {
          const cuts = Array.from({ length: Math.floor(text.length / size) }, (_, i) => (i + 1) * size);

          expect(stream(text, cuts, []).includes(secret.text.slice(0, 12))).toBe(false);
        }
      }
    }
  });

  it('in a long line is hidden when it is encoded', () => {
    const secret = SAMPLES[0] as Sample;
    const text = Buffer.from(
      `${'some text '.repeat(3000)}${secret.text}${' more text'.repeat(3000)}`,
    ).toString('base64');
    for (const size of [1000, 4096, 65_536]) {
      const cuts = Array.from({ length: Math.floor(text.length / size) }, (_, i) => (i + 1) * size);

      expect(leaks(stream(text, cuts, []), secret)).toBe(false);
    }
  });
});

describe('the value of a secret variable', () => {
  const value = `pa$$ "w0rd"/${series(9)}`;
  const lines = `line-one-${series(8)}\nline-two-${series(8, 9)}`;
  const secrets = secretValues({ SSHPASS: value, SIGNING_KEY: lines });
  const forms: Record<string, string> = {
    'as base64': Buffer.from(value).toString('base64'),
    'as base64 behind one byte': Buffer.from(`x${value}`).toString('base64'),
    'as base64 behind two bytes': Buffer.from(`xy${value}`).toString('base64url'),
    'as URL': encodeURIComponent(value),
    'as form': encodeURIComponent(value).replaceAll('%20', '+'),
    'as hex': Buffer.from(value).toString('hex'),
    'as upper-case hex': Buffer.from(value).toString('hex').toUpperCase(),
    ...Object.fromEntries(
      [':', ' ', '-'].flatMap((between) => {
        const dump = Buffer.from(value)
          .toString('hex')
          .replace(/..(?=.)/g, `$&${between}`);
        return [dump, dump.toUpperCase()].map((form, i) => [`as hex with "${between}" (${i})`, form]);
      }),
    ),
    'in JSON': JSON.stringify({ a: value }),
    'in JSON in JSON': JSON.stringify(JSON.stringify({ a: value })),
    'broken by ANSI': `${value.slice(0, 5)}\x1b[31m${value.slice(5, 14)}\x1b[0m${value.slice(14)}`,
    'in HTML': value.replaceAll('"', '&quot;'),
    bare: value,
  };

  it.each(Object.entries(forms))('is hidden %s, and at every split', (_name, form) => {
    const text = `before ${form} after\n`;
    const whole = redactText(text, secrets);

    expect(
      leaks(whole.replaceAll('&quot;', '"').replaceAll('\\', ''), { name: '', text: value, secret: value }),
    ).toBe(false);
    expect(whole).toContain(REDACTED);
    for (let at = 0; at <= text.length; at += 1) expect(stream(text, [at], secrets)).toBe(whole);
  });

  it('is hidden when only one of its lines appears', () => {
    for (const line of lines.split('\n')) expect(redactText(`x ${line} y`, secrets)).toBe(`x ${REDACTED} y`);
  });

  it('is hidden when it is split over two messages', () => {
    for (let at = 1; at < value.length; at += 1) {
      const redactor = new MessageRedactor(secrets);
      const shown =
        redactor.push(`It is ${value.slice(0, at)}`) + redactor.push(`${value.slice(at)}, I think.`);

      expect(leaks(shown.replaceAll(REDACTED, ''), { name: '', text: value, secret: value })).toBe(false);
    }
  });

  it.each([
    'SSHPASS',
    'MYSQL_PWD',
    'PGPASSWORD',
    'SESSION_COOKIE',
    'COOKIE',
    'REDISCLI_AUTH',
    'NPM_CONFIG__AUTH',
    'SLACK_WEBHOOK_URL',
    'AWS_CREDS',
    'JWT',
    'npm_config_//registry/:_authToken',
    'AZURE_STORAGE_CONNECTION_STRING',
    'githubToken',
  ])('is known by the name %s', (name) => {
    expect(secretValues({ [name]: 'abcdefghij' })).toEqual(['abcdefghij']);
  });

  it('is known when it is the password in a URL', () => {
    expect(secretValues({ DATABASE_URL: 'postgres://mira:abcdefghij@db/x' })).toEqual(['abcdefghij']);
  });

  it.each(['PWD', 'OLDPWD', 'TOKEN_FILE', 'SECRET_NAME', 'KEYBOARD', 'PATH', 'AUTHOR'])(
    'is not known by the name %s',
    (name) => {
      expect(secretValues({ [name]: 'abcdefghij' })).toEqual([]);
    },
  );
});

/** The shapes of tokens in secretlint's recommended rules, as regular expressions without what surrounds the token. */
function maintainedShapes(): string[] {
  const path = projectPath('node_modules/@secretlint/secretlint-rule-preset-recommend/module/index.js');
  const shapes = readFileSync(path, 'utf8').matchAll(/\/(?:\(\?<!\\p\{L\}\)|\\b)([^\n]{8,300}?)\/gu?[,;]/g);
  return (
    [...shapes]
      .map(([, shape = '']) => shape.replace(/\(\?![^()]*\)$|\\b$/, '').replace(/\?<[a-z]+>/g, '?:'))
      // npm has never put an underscore into a token, and its settings (`npm_config_…`) have many.
      .map((shape) => shape.replace('npm_[A-Za-z0-9_]', 'npm_[A-Za-z0-9]'))
      // A token of one character is nobody's.
      .map((shape) =>
        shape.replace(/\{1,(\d+)\}/g, (_, most: string) => `{${Math.min(20, Number(most))},${most}}`),
      )
      .filter((shape) => /^\(?(?:\?:)?[A-Za-z0-9(]{2,}[\s\S]*\[/.test(shape))
  );
}

describe('the shapes of a maintained rule set', () => {
  const shapes = maintainedShapes();

  it('are there to be compared with', () => {
    expect(shapes.length).toBeGreaterThan(15);
  });

  it.each(shapes)('are known here, too: %s', (shape) => {
    fc.assert(
      fc.property(fc.stringMatching(new RegExp(`^${shape}$`)), (token) => {
        expect(redactText(`a ${token} b`, [])).toBe(`a ${REDACTED} b`);
      }),
      { numRuns: 20 },
    );
  });
});
