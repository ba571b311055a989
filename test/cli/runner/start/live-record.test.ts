/** The record of a running runner, after a runner that was killed while it wrote. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { expect, it } from 'vitest';
import { runnerLivePath } from '../../../../cli/files/paths.ts';
import { LiveRecord } from '../../../../cli/runner/start/live-record.ts';
import { isolatedEnv } from '../../../../scripts/local/orp-command.ts';
import { makeTemporaryFolder } from '../../../../scripts/local/temporary-folder.ts';

it('a runner removes what a killed runner left of its record, and nothing that somebody still writes', () => {
  const env = isolatedEnv(makeTemporaryFolder('orp-live-'));
  const path = runnerLivePath(env, 'm1');
  mkdirSync(dirname(path), { recursive: true });
  const { pid: ended } = spawnSync(process.execPath, ['-e', '']);
  const kept = [
    `${basename(path)}.${process.pid}-mwzn57vd.jnh-2.tmp`,
    `other.json.${ended}-mwzn57vd.jnh-2.tmp`,
  ];
  for (const name of [...kept, `${basename(path)}.${ended}-mwzn57vd.jnh-2.tmp`])
    writeFileSync(`${dirname(path)}/${name}`, '{');
  const agentOptions = { bin: undefined, profile: undefined, mode: undefined };
  new LiveRecord({ env, machineId: 'm1', instance: 'i', agentOptions });
  expect(readdirSync(dirname(path)).sort()).toEqual(kept.sort());
});
