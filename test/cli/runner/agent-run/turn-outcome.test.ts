/** What becomes of a job is what the agent reports of its turn, not its exit code. */

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recoverSpools } from '../../../../cli/runner/lease/recovery.ts';
import { LeaseSpool } from '../../../../cli/runner/spool/lease-spool.ts';
import { type FakeJob, FakeService } from '../fake-hosted.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { RECIPE_AGENT, runOrp } from '../orp-process.ts';
import { runnerContext } from '../runner-context.ts';

let service: FakeService;
let machine: LinkedMachine;

beforeEach(async () => {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
});

afterEach(async () => {
  await service.close();
  machine.remove();
});

async function workOnce() {
  const words = ['runner', 'work', '--once', '--json', '--codex-bin', RECIPE_AGENT];
  const { code, stdout } = await runOrp(words, { cwd: machine.repo, env: machine.env });
  return { code, document: JSON.parse(stdout) };
}

describe('a job whose agent exits with 0', () => {
  it('fails with the reason when the turn failed', async () => {
    const job = service.addJob('job_1', { say: 'I will look.', fail: 'The prompt is refused.' });
    const { code, document } = await workOnce();

    expect(code).toBe(1);
    expect(job.completions).toEqual([
      expect.objectContaining({
        success: false,
        error: 'The prompt is refused.',
        failureKind: 'agent_error',
      }),
    ]);
    expect(document).toMatchObject({ ok: false, error: 'The prompt is refused.' });
  });

  it('fails when an error was the last thing that its turn reported', async () => {
    const raw = [JSON.stringify({ type: 'error', message: 'The stream broke.' })];
    const job = service.addJob('job_1', { raw, end: false });
    await workOnce();

    expect(job.completions[0]).toMatchObject({ success: false, content: null, error: 'The stream broke.' });
  });

  it('completes when the turn completed after an error', async () => {
    const raw = [JSON.stringify({ type: 'error', message: 'Reconnecting... 1/5' })];
    const job = service.addJob('job_1', { raw, say: 'Counted.' });
    await workOnce();

    expect(job.completions[0]).toMatchObject({ success: true, content: 'Counted.' });
  });

  it('fails without an answer, and warnings are none', async () => {
    const job = service.addJob('job_1', { stderr: ['WARNING: could not update PATH'] });
    const { document } = await workOnce();

    expect(job.completions[0]).toMatchObject({
      success: false,
      content: null,
      error: 'The agent ended without an answer.',
    });
    // The document keeps its meaning of v0.4.4.
    expect(document.worker).toMatchObject({
      ok: true,
      exitCode: 0,
      body: 'WARNING: could not update PATH\n',
    });
  });
});

describe('an agent that opens another session than the linked one', () => {
  it('is stopped, and the job fails without its answer', async () => {
    const never = join(machine.home, 'never');
    const job = service.addJob('job_1', {
      thread: '01a21ce3-0000-7000-8000-000000000000',
      waitFor: never,
      say: 'I know nothing.',
    });
    await workOnce();

    expect(job.completions).toEqual([
      expect.objectContaining({ success: false, content: null, failureKind: 'session_missing' }),
    ]);
    expect(job.completions[0]?.error).toMatch(/codex-1.*01a21ce3-0000-7000-8000-000000000000/);
    expect(service.textOf(job, 'agent')).toBe('');
    expect(existsSync(never)).toBe(false);
  });

  it('delivers nothing when it ends before it can be stopped', async () => {
    const job = service.addJob('job_1', { thread: 'stranger', say: 'I know nothing.' });
    await workOnce();

    expect(job.completions[0]).toMatchObject({
      success: false,
      content: null,
      failureKind: 'session_missing',
    });
    expect(JSON.stringify([job.completions, service.textOf(job, 'agent')])).not.toContain('I know nothing.');
  });
});

describe('an agent that exited with 0 before its runner was killed', () => {
  const AT = '2026-04-01T10:00:00.000Z';

  /** What the next runner makes of a spool with an answer and these records. */
  async function recoverAfter(...records: Parameters<LeaseSpool['note']>[0][]): Promise<FakeJob> {
    const job = service.addJob('job_1', {});
    Object.assign(job, { status: 'running', leaseId: 'lea_1' });
    const folder = join(machine.home, 'state/orp/spool/mach-1/lea_1');
    const spool = await LeaseSpool.begin(folder, {
      record: 'claimed',
      version: 1,
      at_utc: AT,
      base_url: service.baseUrl,
      machine_id: 'mach-1',
      job_id: job.id,
      job_kind: job.kind,
      lease_id: 'lea_1',
      attempt: 1,
      runner: { pid: 1, start_time: 'another boot/1' },
    });
    const path = join(folder, 'answer.txt');
    writeFileSync(path, 'I will look.');
    await spool.note({ record: 'spawning', at_utc: AT, tag: 'tag-of-nobody', answer_path: path });
    for (const record of records) await spool.note(record);
    await spool.close();
    await recoverSpools(runnerContext({ machine, baseUrl: service.baseUrl, startTime: 'second' }), {
      isBusy: () => false,
      signal: new AbortController().signal,
      onRecovered: async () => undefined,
    });
    return job;
  }

  it.each(['failed', 'open'] as const)('failed when its turn was %s', async (turn) => {
    const job = await recoverAfter({ record: 'ended', at_utc: AT, exit_code: 0, was_stopped: false, turn });

    expect(job.completions).toEqual([
      expect.objectContaining({ success: false, content: 'I will look.', failureKind: 'agent_error' }),
    ]);
  });

  it('answers nothing from another session', async () => {
    const job = await recoverAfter({ record: 'other_session', at_utc: AT, said: 'stranger' });

    expect(job.completions).toEqual([
      expect.objectContaining({ success: false, content: null, failureKind: 'session_missing' }),
    ]);
  });
});
