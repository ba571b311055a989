import { createHash, randomUUID } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findSecrets, REDACTED, redactText } from '../../../../cli/runner/redaction/redact.ts';
import { projectPath } from '../../../../scripts/local/project-path.ts';

const MB = 1_000_000;
/** Sources, type declarations, minified programs, source maps, lock files and texts that everybody who installs this project has. */
const ORDINARY = [
  'package-lock.json',
  '{cli,workers,spec,scripts,docs,migrations}/**/*.{ts,tsx,md,sql}',
  'node_modules/@types/node/**/*.d.ts',
  'node_modules/{hono,commander,ws}/**/*.{js,cjs,d.ts,md,map}',
  'node_modules/{fast-check,eventsource,eventsource-parser,commander}/**/*.{js,d.ts,md,map}',
  'node_modules/zod/{v4,src/v4/core}/**/*.{js,ts}',
  'node_modules/wrangler/wrangler-dist/cli.js',
  'node_modules/cjs-module-lexer/**/*.js',
];
const MAX_FILE = 3 * MB;

function hitsIn(name: string, text: string): string[] {
  return findSecrets(text, []).map(([from, to]) => `${name}: ${text.slice(from - 40, to)}`);
}

/** What build tools print: digests, identifiers, timestamps, images in base64. The same in every run but for the UUIDs. */
function logs(): string {
  const lines: string[] = [];
  for (let i = 0; i < 4000; i += 1) {
    const digest = (name: string) => createHash(name).update(String(i));
    lines.push(
      `2026-11-02T10:${i % 60}:00.123Z INFO build[${i}] commit ${digest('sha1').digest('hex')} took ${i} ms`,
      `sha256:${digest('sha256').digest('hex')}  dist/chunk-${digest('md5').digest('base64url')}.js`,
      `"integrity": "sha512-${digest('sha512').digest('base64')}",`,
      `request ${randomUUID()} GET /assets/app.${digest('md5').digest('hex').slice(0, 8)}.js?v=${i} 200`,
      `At src/parser/token.ts:${i}: token = tokens[${i}]; // tokenCount: ${i}, secret: none`,
      `<img src="data:image/png;base64,${Buffer.concat([digest('sha512').digest(), digest('sha384').digest()]).toString('base64')}">`,
    );
  }
  return lines.join('\n');
}

describe('ordinary text', () => {
  it('of ten megabytes is left as it is', { timeout: 60_000 }, () => {
    let size = 0;
    const hits: string[] = [];
    for (const name of globSync(ORDINARY, { cwd: projectPath('.') }).sort()) {
      const text = readFileSync(projectPath(name), 'utf8').slice(0, MAX_FILE);
      size += text.length;
      hits.push(...hitsIn(name, text));
    }

    expect(hits).toEqual([]);
    expect(size).toBeGreaterThan(10 * MB);
  });

  it('of logs with digests, identifiers and images is left as it is', () => {
    expect(hitsIn('logs', logs())).toEqual([]);
  });

  it.each([
    'const token = await getToken(request);',
    'token: string;',
    'password: await hash(password),',
    'if (secret === other.secret2) return;',
    'export TOKEN=$(cat token.txt)',
    `PASSWORD=\${PASSWORD:-}`,
    'apiKey: process.env.API_KEY_2',
    'api_key = settings.api_key_1',
    `Authorization: "Bearer \${token}"`,
    'bearer authentication-scheme',
    'https://example.com/@scope/name@1.2.3/file.js',
    'git clone ssh://git@host.example/repository.git',
    'postgres://user:password@localhost/db',
    '.sk-fading-circle-container { }',
    "if (text.includes('-----BEGIN PRIVATE KEY-----')) return parse(text);",
    'npm_config_user_agent_of_the_package_manager=x',
    'max_tokens: 4096',
    'class TokenStream2 extends Base {}',
  ])('such as %j is left as it is', (text) => {
    expect(redactText(text, [])).toBe(text);
  });

  it('stays readable around a secret in base64', () => {
    const secret = ['gh', 'p_', 'a1'.repeat(18)].join('');
    const shown = redactText(
      Buffer.from(`the beginning of it ${secret} the end of it`).toString('base64'),
      [],
    );
    const [before = '', after = ''] = shown.split(REDACTED);

    expect(Buffer.from(before, 'base64').toString()).toMatch(/^the beginning of it/);
    expect(Buffer.from(after, 'base64').toString()).toMatch(/end of it$/);
  });
});
