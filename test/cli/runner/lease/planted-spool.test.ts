/** A spool that somebody else has planted can neither send a file from elsewhere nor end a process of somebody else. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recoverSpools } from '../../../../cli/runner/lease/recovery.ts';
import { findProcess } from '../../../../cli/runner/process/process-table.ts';
import { LeaseSpool } from '../../../../cli/runner/spool/lease-spool.ts';
import { type FakeJob, FakeService } from '../fake-hosted.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { runnerContext } from '../runner-context.ts';
import { type LeftJob, leaseFolder, leaveJob, T0 } from './left-job.ts';

let service: FakeService;
let machine: LinkedMachine;
let warnings: string[];

beforeEach(async () => {
  service = await FakeService.start();
  machine = linkedMachine(service.baseUrl);
  warnings = [];
});

afterEach(async () => {
  await service.close();
  machine.remove();
});

function folderOf(leaseId: string): string {
  return leaseFolder(machine, leaseId);
}

function leftJob(number: number, how: LeftJob): Promise<FakeJob> {
  return leaveJob({ service, machine }, number, how);
}

function recover() {
  const context = runnerContext(
    { machine, baseUrl: service.baseUrl, startTime: 'second' },
    { warn: (text) => warnings.push(text) },
  );
  const signal = new AbortController().signal;
  return recoverSpools(context, { isBusy: () => false, signal, onRecovered: async () => undefined });
}

describe('a spool that somebody else has planted', () => {
  const SECRET = 'the private key of the person';
  let secret: string;

  beforeEach(() => {
    secret = join(machine.home, 'secret.txt');
    writeFileSync(secret, SECRET);
  });

  /** A journal that names an answer of an agent which ended well. */
  async function plantAnswer(path: string): Promise<FakeJob> {
    const job = await leftJob(1, { isDone: false });
    const spool = await LeaseSpool.open(folderOf('lea_1'));
    await spool.note({ record: 'spawning', at_utc: T0, tag: 'tag-of-nobody', answer_path: path });
    await spool.note({ record: 'ended', at_utc: T0, exit_code: 0, was_stopped: false });
    await spool.close();
    return job;
  }

  const PLACES: [string, () => string][] = [
    ['an absolute path', () => secret],
    ['a path with dots', () => `${join(folderOf('lea_1'), 'answer-x')}/../../../../../../secret.txt`],
    [
      'a link to the file',
      () => {
        const path = join(folderOf('lea_1'), 'last-message.txt');
        mkdirSync(folderOf('lea_1'), { recursive: true, mode: 0o700 });
        symlinkSync(secret, path);
        return path;
      },
    ],
    [
      'a folder that is a link',
      () => {
        mkdirSync(folderOf('lea_1'), { recursive: true, mode: 0o700 });
        symlinkSync(machine.home, join(folderOf('lea_1'), 'answer-x'));
        return join(folderOf('lea_1'), 'answer-x', 'secret.txt');
      },
    ],
    [
      'a second name of the file',
      () => {
        mkdirSync(folderOf('lea_1'), { recursive: true, mode: 0o700 });
        linkSync(secret, join(folderOf('lea_1'), 'answer.txt'));
        return join(folderOf('lea_1'), 'answer.txt');
      },
    ],
  ];

  it.each(PLACES)('sends no file from outside of its folder by %s', async (_, place) => {
    const job = await plantAnswer(place());
    await recover();
    expect(JSON.stringify([job.completions, service.requests])).not.toContain(SECRET);
  });

  it.each(['chunks.jsonl', 'result.json', 'journal.jsonl'])(
    'is put aside when its %s is a link',
    async (name) => {
      const job = await leftJob(1, { isDone: true });
      const file = join(folderOf('lea_1'), name);
      const elsewhere = join(machine.home, name);
      renameSync(file, elsewhere);
      symlinkSync(elsewhere, file);
      const before = readFileSync(elsewhere, 'utf8');

      expect(await recover()).toBe(0);
      expect(job.completions).toEqual([]);
      expect(service.requests).toEqual([]);
      expect(readFileSync(elsewhere, 'utf8')).toBe(before);
      expect(existsSync(join(machine.home, 'state/orp/kept/lea_1'))).toBe(true);
      expect(warnings).toEqual([expect.stringMatching(/put aside because .* leads to another place/)]);
    },
  );

  it.each(['chunks.jsonl', 'result.json', 'journal.jsonl'])(
    'is put aside when its %s has a second name elsewhere',
    async (name) => {
      const job = await leftJob(1, { isDone: true });
      const elsewhere = join(machine.home, name);
      linkSync(join(folderOf('lea_1'), name), elsewhere);
      const before = readFileSync(elsewhere, 'utf8');

      expect(await recover()).toBe(0);
      expect([job.completions, service.requests]).toEqual([[], []]);
      expect(readFileSync(elsewhere, 'utf8')).toBe(before);
      expect(warnings).toEqual([
        expect.stringMatching(/put aside because .* is also a file in another place/),
      ]);
    },
  );

  it.each(['chunks.jsonl', 'result.json', 'journal.jsonl', 'other'])(
    'is put aside when its %s is a pipe, which nobody writes to',
    async (name) => {
      const job = await leftJob(1, { isDone: true });
      const file = join(folderOf('lea_1'), name);
      rmSync(file, { force: true });
      execFileSync('mkfifo', ['-m', '600', file]);

      expect(await recover()).toBe(0);
      expect([job.completions, service.requests]).toEqual([[], []]);
      expect(warnings).toEqual([expect.stringMatching(/put aside because .* is no ordinary file/)]);
    },
  );

  it('is moved aside if other users can write to it', async () => {
    const job = await leftJob(1, { isDone: true });
    chmodSync(join(folderOf('lea_1'), 'result.json'), 0o666);

    expect(await recover()).toBe(0);
    expect(job.completions).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/put aside because .* can be written by other users/)]);
  });

  it.each([
    ['with the tag of nobody', 'tag-of-nobody'],
    ['without a tag', undefined],
  ])('stops no process of somebody else, though it names its pid and start time, %s', async (_, tag) => {
    const job = await leftJob(1, { isDone: false });
    const words = ['-e', 'setInterval(() => 0, 1000)'];
    const stranger = spawn(process.execPath, words, { stdio: 'ignore', detached: true });
    await once(stranger, 'spawn');
    const { pid = 0 } = stranger;
    const startTime = (await findProcess(pid))?.startTime ?? '';
    const spool = await LeaseSpool.open(folderOf('lea_1'));
    await spool.note({ record: 'spawning', at_utc: T0, ...(tag === undefined ? {} : { tag }) });
    await spool.note({ record: 'spawned', at_utc: T0, pid, start_time: startTime });
    await spool.close();
    await recover();

    expect(await findProcess(pid)).toMatchObject({ startTime });
    expect(job.completions).toEqual([expect.objectContaining({ success: false })]);
    stranger.kill('SIGKILL');
    expect(await once(stranger, 'exit')).toEqual([null, 'SIGKILL']);
  });
});
