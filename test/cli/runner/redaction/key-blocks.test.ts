/** The tail of a private key whose title is still to come, as a program prints it: in color, numbered, line by line. */

import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openKey } from '../../../../cli/runner/redaction/key-blocks.ts';
import { REDACTED, Redactor, redactText } from '../../../../cli/runner/redaction/redact.ts';

const format = { type: 'pkcs8', format: 'pem' } as const;
const KEYS: Record<string, string> = {
  RSA: String(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(format)),
  EC: String(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(format)),
  Ed25519: String(generateKeyPairSync('ed25519').privateKey.export(format)),
};
const PRINTED: Record<string, (line: string, number: number) => string> = {
  'in color': (line) => `\x1b[32m${line}\x1b[0m`,
  'in many colors': (line) => `\x1b[1;38;5;12m${line}\x1b[39m\x1b[0m`,
  'in color, escaped': (line) => `\\u001b[32m${line}\\u001b[0m`,
  numbered: (line, number) => `${number}\t${line}`,
  'with colored numbers': (line, number) => `\x1b[2m${number}\x1b[22m  ${line}`,
  'with colored marks of a diff': (line) => `\x1b[31m-${line}\x1b[m`,
};

describe.each(Object.entries(PRINTED))('a private key %s', (_how, print) => {
  it.each(Object.entries(KEYS))('is hidden from every line on: %s', (_kind, key) => {
    const lines = key.trimEnd().split('\n').map(print);
    for (let first = 1; first < lines.length - 1; first += 1) {
      const pieces = lines.slice(first).map((line) => `${line}\n`);
      const redactor = new Redactor([]);
      const shown = pieces.map((piece) => redactor.push(piece)).join('') + redactor.end();

      expect(shown).toBe(redactText(pieces.join(''), []));
      expect(shown).toContain(REDACTED);
      expect(shown).not.toMatch(/[A-Za-z0-9+/]{16}/);
    }
  });
});

describe('ordinary output', () => {
  it.each(['\x1b[32mserver listens\x1b[0m\n', '{"path":"src\\nlines"}\n', 'version a1b2c3d4e5f6\n'])(
    '%j is not held back',
    (text) => {
      const redactor = new Redactor([]);

      expect(redactor.push(text)).toBe(text);
    },
  );

  it('of escapes in escapes costs no more than a few readings', () => {
    const text = `${`&${'amp;'.repeat(4000)}`}\n`;
    const started = performance.now();

    expect(openKey(text)).toBe(text.length);
    expect(performance.now() - started).toBeLessThan(500);
  });
});
