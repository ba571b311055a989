/** The command of a checkout on a machine whose Node is too old: it goes on in the Node that the checkout brings. */

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isolatedEnv } from '../../scripts/local/orp-command.ts';
import { projectPath } from '../../scripts/local/project-path.ts';

let folder: string;
let script: string;
let preload: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'orp-old-node-')));
  cpSync(projectPath('dist'), join(folder, 'checkout', 'dist'), { recursive: true });
  script = join(folder, 'checkout', 'dist', 'orp.js');
  preload = join(folder, 'old.cjs');
  // This Node, as a command sees it that was started by an old one.
  writeFileSync(
    preload,
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });\n`,
  );
  mkdirSync(join(folder, 'repo'));
  execFileSync('git', ['init', '-q', join(folder, 'repo')]);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As npm installs it; it is another program than the one that runs the tests. */
function bringOwnNode(content = `exec ${process.execPath} "$@"`): void {
  const path = join(folder, 'checkout', 'node_modules', '.bin', 'node');
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${content}\n`);
  chmodSync(path, 0o755);
}

const options = () => ({ cwd: join(folder, 'repo'), env: isolatedEnv(folder), encoding: 'utf8' as const });

function orp(words: string[], { input, at = script }: { input?: string; at?: string } = {}) {
  return spawnSync(process.execPath, ['--require', preload, at, ...words], { ...options(), input });
}

describe('orp on a Node that is too old', () => {
  it('works with the Node of its checkout, also when npm has linked it', () => {
    bringOwnNode();
    symlinkSync(script, join(folder, 'orp'));
    for (const at of [script, join(folder, 'orp')]) {
      const { status, stdout, stderr } = orp(['link', 'status', '--json'], { at });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(JSON.parse(stdout)).toMatchObject({ repo_root: join(folder, 'repo') });
    }
  });

  it('passes on what it reads, its errors and its exit code', () => {
    bringOwnNode();
    const wrong = orp(['whoami']);
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain('error: You are not signed in');
    const login = [
      'auth',
      'login',
      '--email',
      'mira@orp.test',
      '--password-stdin',
      '--base-url',
      'http://127.0.0.1:1',
    ];
    expect(orp(login, { input: '' }).stderr).toContain('password');
    expect(orp(['--repo-root', folder, 'link', 'doctor']).status).toBe(1);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'passes on %s, and ends as its Node ends',
    async (signal) => {
      bringOwnNode(
        `trap 'echo got $signal; exit 7' ${signal.slice(3)}\necho ready\ni=0\nwhile [ $i -lt 200 ]; do sleep 0.05; i=$((i+1)); done`,
      );
      const child = spawn(process.execPath, ['--require', preload, script, 'whoami'], {
        ...options(),
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      child.kill(signal);
      expect(await once(child, 'exit')).toEqual([7, null]);
    },
  );

  it('says what to do where there is no other Node', () => {
    const { status, stderr } = orp(['link', 'status']);
    expect(status).toBe(2);
    expect(stderr).toContain('error: Node 20.20.2 is too old for orp.\n');
    expect(stderr).toContain('hint: Install Node 22.12 or newer');
    expect(stderr).toContain('npm run build');
  });

  it('reports it also when the Node of the checkout is the one that runs', () => {
    const bin = join(folder, 'checkout', 'node_modules', '.bin');
    mkdirSync(bin, { recursive: true });
    symlinkSync(process.execPath, join(bin, 'node'));
    expect(orp(['link', 'status']).stderr).toContain('is too old for orp');
  });
});
