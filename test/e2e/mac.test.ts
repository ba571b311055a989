/** What only a real Mac can show: launchd, caffeinate, `ps -E`, and paths whose case does not count. */

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realPathOf } from '../../cli/files/paths.ts';
import { KeepAwake } from '../../cli/runner/process/keep-awake.ts';
import { findProcess, listProcesses, readTags, TAG_NAME } from '../../cli/runner/process/process-table.ts';
import { renderLaunchAgent } from '../../cli/service/launch-agent.ts';
import { serviceManager } from '../../cli/service/service-manager.ts';
import type { ServicePlan } from '../../cli/service/service-plan.ts';
import { makeRepository } from '../../scripts/demo/stage.ts';
import { isolatedEnv, orpJson } from '../../scripts/local/orp-command.ts';

const isMac = process.platform === 'darwin';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'orp-mac-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));

/** Looks until the answer is the wanted one. Returns the last answer. */
async function until<T>(wanted: T, look: () => T | Promise<T>): Promise<T> {
  for (let looks = 0; looks < 100; looks += 1) {
    if ((await look()) === wanted) return wanted;
    await sleep(100);
  }
  return look();
}

describe.skipIf(!isMac)(`on a Mac${isMac ? '' : ' (skipped: this is not macOS)'}`, () => {
  const plan = (): ServicePlan => ({
    program: ['/bin/sleep', '600'],
    environment: { 'WITH & <marks>': 'x' },
    workingFolder: folder,
    crashLog: join(folder, 'crash.log'),
  });

  it('plutil accepts the LaunchAgent', () => {
    const path = join(folder, 'agent.plist');
    writeFileSync(path, renderLaunchAgent(plan()));
    expect(execFileSync('/usr/bin/plutil', ['-lint', path], { encoding: 'utf8' })).toContain('OK');
  });

  it('launchd starts, restarts and unloads the service', async (context) => {
    const env = { ...process.env, HOME: folder };
    const manager = serviceManager({ env, platform: 'darwin', userId: userInfo().uid });
    if ((await manager.state()) !== 'absent')
      context.skip('a runner of this person is installed, and is left alone');
    mkdirSync(dirname(manager.path), { recursive: true });
    writeFileSync(manager.path, renderLaunchAgent({ ...plan(), environment: {} }));
    try {
      await manager.load();
      expect(await until('running', manager.state)).toBe('running');
      await manager.restart();
      expect(await until('running', manager.state)).toBe('running');
    } finally {
      await manager.unload();
    }
    expect(await manager.state()).toBe('absent');
  });

  it('caffeinate holds an assertion while a job runs, and lets go of it after', async () => {
    const assertions = () =>
      execFileSync('/usr/bin/pmset', ['-g', 'assertions'], { encoding: 'utf8' }).includes(
        'caffeinate command-line tool',
      );
    const before = assertions();
    const warnings: string[] = [];
    const reporter = { info: () => undefined, warn: (text: string) => void warnings.push(text) };
    const awake = new KeepAwake({ mode: 'always', reporter });
    awake.busy();
    expect(await until(true, assertions)).toBe(true);
    awake.close();
    if (!before) expect(await until(false, assertions)).toBe(false);
    expect(warnings).toEqual([]);
  });

  it('ps shows the tag of an agent, also of its children, and says which processes hide theirs', async () => {
    const tag = `mac-test-${process.pid}`;
    const agent = spawn('/bin/bash', ['-c', '/bin/sleep 60 & wait'], {
      env: { ...process.env, [TAG_NAME]: tag },
      detached: true,
      stdio: 'ignore',
    });
    const pid = agent.pid ?? 0;
    try {
      const found = async () => (await readTags(tag, await listProcesses())).tagged.has(pid);
      expect(await until(true, found)).toBe(true);
      expect((await findProcess(pid))?.startTime).toMatch(/\d/);
    } finally {
      process.kill(-pid, 'SIGKILL');
    }
    expect(await until(undefined, async () => await findProcess(pid))).toBeUndefined();
  });

  it('one repository in two spellings is one repository', async () => {
    const repository = makeRepository(folder);
    const shouted = join(dirname(repository), 'TIDAL-SURVEY');
    // A volume may be case-sensitive. Then there is nothing to confuse.
    const isSame = realPathOf(shouted) !== undefined;
    expect(isSame ? realPathOf(shouted) : repository).toBe(repository);
    if (!isSame) return;
    const env = isolatedEnv(folder);
    const session = ['--orp-session-id', 'main', '--label', 'Main', '--codex-session-id', 'c-1', '--primary'];
    await orpJson({ cwd: shouted, env }, ['link', 'session', 'register', ...session]);
    const listed = await orpJson<{ sessions: { orp_session_id: string }[] }>({ cwd: repository, env }, [
      'link',
      'session',
      'list',
    ]);
    expect(listed.sessions).toHaveLength(1);
  });
});
