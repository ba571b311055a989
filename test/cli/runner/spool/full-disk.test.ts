import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codexAgent } from '../../../../cli/agents/codex.ts';
import { runAgent } from '../../../../cli/runner/agent-run/agent-run.ts';
import { processEngine } from '../../../../cli/runner/agent-run/engine.ts';
import { StopSwitch } from '../../../../cli/runner/process/stop-switch.ts';
import { AppendFile } from '../../../../cli/runner/spool/append-file.ts';
import { LeaseSpool } from '../../../../cli/runner/spool/lease-spool.ts';
import { FakeService } from '../fake-hosted.ts';
import { linkedMachine } from '../linked-machine.ts';
import { MAIN, RECIPE_AGENT, runOrp } from '../orp-process.ts';

/** Every write to it fails with ENOSPC. */
const FULL = '/dev/full';

/** A limit of the file size comes with a signal, which a full disk does not. */
const NO_SIGNAL = "data:text/javascript,process.on('SIGXFSZ', () => 0)";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orp-full-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const CLAIM = {
  record: 'claimed',
  version: 1,
  at_utc: '2026-04-01T10:00:00Z',
  base_url: 'http://127.0.0.1:1',
  machine_id: 'mach-1',
  job_id: 'job_1',
  job_kind: 'session.prompt',
  attempt: 1,
  runner: { pid: 1, start_time: 'x' },
} as const;

/** A spool whose journal has its claim, and takes nothing more. */
async function spoolWithFullJournal(): Promise<LeaseSpool> {
  const place = join(folder, 'spool');
  mkdirSync(place);
  symlinkSync(FULL, join(place, 'journal.jsonl'));
  return LeaseSpool.open(place);
}

describe.skipIf(!existsSync(FULL))('on a full disk', () => {
  it('a claim that cannot be written down leaves nothing, and says why', async () => {
    const place = join(folder, 'lea_1');
    mkdirSync(place);
    symlinkSync(FULL, join(place, 'journal.jsonl'));

    await expect(LeaseSpool.begin(place, CLAIM)).rejects.toThrow('ENOSPC');
    expect(existsSync(place)).toBe(false);
  });

  it('an agent whose start cannot be written down is not started', async () => {
    const spool = await spoolWithFullJournal();
    const journal = join(folder, 'agent-journal');
    const agent = codexAgent({ bin: RECIPE_AGENT, env: process.env });
    const task = { sessionId: 's', prompt: JSON.stringify({ journal }), cwd: folder, folder, settings: {} };
    const prepared = await agent.prepare(task);
    if (prepared.kind !== 'ready') throw new Error(prepared.message);
    const run = await runAgent({
      agent,
      engine: processEngine(prepared.launch, agent),
      spool,
      stopSwitch: new StopSwitch(),
      limits: { limitMs: 10_000, silenceMs: 0 },
      secrets: [],
      onChunk: () => undefined,
    });
    await spool.close();

    expect(run).toMatchObject({ kind: 'not_started', message: expect.stringMatching(/ENOSPC.*Nothing ran/) });
    expect(existsSync(journal)).toBe(false);
  });

  it('an append that failed is told, and those after it are not damaged', async () => {
    const path = join(folder, 'lines');
    const file = await AppendFile.open(path);
    await file.append('one');
    await file.close();
    const full = await AppendFile.open(FULL);
    await expect(full.append('two')).rejects.toThrow('ENOSPC');
    await full.close();

    expect(readFileSync(path, 'utf8')).toBe('one\n');
  });
});

describe('a file that must not grow any more', () => {
  it('costs output, which is said, and neither the answer nor the end of the job', async () => {
    const service = await FakeService.start();
    const machine = linkedMachine(service.baseUrl);
    try {
      const job = service.addJob('job_1', { raw: ['before'], flood: 2 * 1024 * 1024, say: 'The answer.' });
      const work = ['runner', 'work', '--once', '--json', '--codex-bin', RECIPE_AGENT];
      // The unit of bash is 1 KiB: no file of the runner may become larger than 300 of them.
      const limited = ['-c', 'ulimit -f 300; exec "$@"', 'bash', process.execPath];
      const words = [...limited, '--import', NO_SIGNAL, MAIN, ...work];
      const runner = spawn('bash', words, { cwd: machine.repo, env: machine.env });
      const document = JSON.parse(await text(runner.stdout));

      expect(document.ok).toBe(true);
      expect(job.completions).toHaveLength(1);
      expect(job.completions[0]).toMatchObject({ success: true, content: 'The answer.' });
      expect(service.textOf(job, 'stdout')).toMatch(/^before\n\$ flood\n0123/);
      expect(service.textOf(job, 'system')).toMatch(/\(output was lost: EFBIG.*\)\n$/);
      expect(existsSync(join(machine.home, 'state/orp/spool/mach-1/lea_1'))).toBe(false);
    } finally {
      await service.close();
      machine.remove();
    }
  });
});

describe('an answer that the service refuses and the disk does not take', () => {
  it('waits in the spool, and the runner goes on', async () => {
    const service = await FakeService.start();
    const machine = linkedMachine(service.baseUrl);
    try {
      const job = service.addJob('job_1', { say: 'The answer.' });
      service.order('complete', 'too_large');
      const answers = join(machine.home, 'state/orp/answers');
      mkdirSync(join(machine.home, 'state/orp'), { recursive: true });
      writeFileSync(answers, 'no folder');
      const words = ['runner', 'work', '--once', '--json', '--codex-bin', RECIPE_AGENT];
      const at = { cwd: machine.repo, env: machine.env };
      const { stdout } = await runOrp(words, at);

      expect(JSON.parse(stdout).error).toMatch(/could not be delivered yet.*EEXIST|ENOTDIR/);
      expect(existsSync(join(machine.home, 'state/orp/spool/mach-1/lea_1/result.json'))).toBe(true);
      rmSync(answers);
      await runOrp(words, at);
      expect(job.completions).toEqual([expect.objectContaining({ success: true, content: 'The answer.' })]);
    } finally {
      await service.close();
      machine.remove();
    }
  });
});
