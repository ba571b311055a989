import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codexAgent } from '../../../cli/agents/codex.ts';
import { askVersion, installedVersion, OLDEST_CODEX } from '../../../cli/agents/codex-version.ts';
import { Desk } from '../desk.ts';

const TOO_OLD = `Codex 0.46.9 is too old: orp supports ${OLDEST_CODEX} and later.`;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orp-codex-version-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

/** As npm installs it: a link in `.bin` to the script of the package. */
function installed(version: string): string {
  const home = join(folder, 'node_modules', '@openai', 'codex');
  program(join(home, 'bin', 'codex.js'), '#!/bin/sh\ntouch "$0.started"\n');
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: '@openai/codex', version }));
  const link = join(folder, 'node_modules', '.bin', 'codex');
  mkdirSync(dirname(link));
  symlinkSync('../@openai/codex/bin/codex.js', link);
  return link;
}

/** A program that only says its version. */
function saying(words: string): string {
  return program(join(folder, 'bin', 'codex'), `#!/bin/sh\necho '${words}'\n`);
}

describe('the version of Codex', () => {
  it('is read from its package, without starting it', async () => {
    const bin = installed('0.46.9');

    expect(installedVersion(bin)).toBe('0.46.9');
    expect(await askVersion(bin, {})).toBe('0.46.9');
    expect(() => readFileSync(`${bin}.started`)).toThrow('ENOENT');
  });

  it('is read from the folder of Homebrew', () => {
    const cask = join(folder, 'Caskroom', 'codex', '0.98.0');

    expect(installedVersion(program(join(cask, 'codex-aarch64-apple-darwin'), 'x'))).toBe('0.98.0');
  });

  it('is the output of the program if no file shows the version', async () => {
    const bin = saying('codex-cli 0.46.9');

    expect(installedVersion(bin)).toBeUndefined();
    expect(await askVersion(bin, { PATH: process.env.PATH })).toBe('0.46.9');
  });

  it('is not known of a program that says something else', async () => {
    expect(await askVersion(saying('wrapper 0.1.0'), { PATH: process.env.PATH })).toBeUndefined();
  });

  it('is the oldest supported one in the test with a real Codex', () => {
    const path = join(import.meta.dirname, '../../codex/oldest/package.json');

    expect(JSON.parse(readFileSync(path, 'utf8')).dependencies).toEqual({ '@openai/codex': OLDEST_CODEX });
  });
});

describe('a Codex that is too old', () => {
  it('takes no job', async () => {
    expect(await codexAgent({ bin: installed('0.46.9'), env: {} }).findProgram()).toMatchObject({
      kind: 'missing',
      message: TOO_OLD,
    });
    expect(
      await codexAgent({
        bin: program(join(folder, 'other', 'codex'), '#!/bin/sh\n'),
        env: {},
      }).findProgram(),
    ).toMatchObject({
      kind: 'found',
    });
  });

  it('is what runner status and link doctor warn of', async () => {
    using desk = new Desk();
    desk.env.PATH = `${dirname(saying('codex-cli 0.46.9'))}:${desk.env.PATH}`;
    const status = await desk.json('runner', 'status');
    const doctor = JSON.parse((await desk.orp(['link', 'doctor', '--json'])).stdout);

    expect(status.warnings).toContain(TOO_OLD);
    expect(doctor.issues).toContainEqual(
      expect.objectContaining({
        severity: 'warning',
        code: 'agent_too_old',
        message: expect.stringContaining(TOO_OLD),
      }),
    );
  });
});
