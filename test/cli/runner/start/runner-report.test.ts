/** What a runner reports with its heartbeats: what waits on its disk, and how it drives its agent. */

import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { spoolFolder } from '../../../../cli/runner/spool/places.ts';
import { RunnerReport, readBacklog } from '../../../../cli/runner/start/runner-report.ts';
import { FakeService } from '../fake-hosted.ts';
import { until } from '../job/conditions.ts';
import { linkedMachine } from '../linked-machine.ts';
import { RECIPE_AGENT, startOrp } from '../orp-process.ts';

let home: string;
let folder: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'orp-report-'));
  folder = spoolFolder({ XDG_STATE_HOME: home }, 'mach-1');
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A spool of so many bytes that was last written then. */
function aSpool(name: string, bytes: number, at: string): void {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'chunks.jsonl'), 'x'.repeat(bytes));
  for (const path of [join(place, 'chunks.jsonl'), place]) utimesSync(path, new Date(at), new Date(at));
}

describe('the backlog of a spool', () => {
  it('of a machine that never ran a job is nothing', () => {
    expect(readBacklog(folder, () => false)).toEqual({ leases: 0, bytes: 0, oldestAt: undefined });
  });

  it('counts what waits, and names the oldest, without jobs at work and without files beside', () => {
    aSpool('lea_1', 100, '2026-11-27T10:00:00Z');
    aSpool('lea_2', 23, '2026-11-27T09:00:00Z');
    aSpool('lea_3', 9000, '2026-11-27T08:00:00Z');
    writeFileSync(join(folder, 'note.txt'), 'not a spool');
    expect(readBacklog(folder, (name) => name === 'lea_3')).toEqual({
      leases: 2,
      bytes: 123,
      oldestAt: Date.parse('2026-11-27T09:00:00Z'),
    });
  });
});

describe('the report of a runner', () => {
  it('names the way of the newest prompt, and leaves out jobs at work', () => {
    aSpool('lea_1', 10, '2026-11-27T10:00:00Z');
    const report = new RunnerReport({ XDG_STATE_HOME: home }, 'mach-1');
    expect(report.current).toEqual({ spool: { leases: 1, bytes: 10, oldestAt: '2026-11-27T10:00:00.000Z' } });
    report.leasesAtWork = () => ['lea_1'];
    report.noteWay({ way: 'own_server', why: 'no shared server runs', version: '0.169.0' });
    expect(report.current).toEqual({
      spool: { leases: 0, bytes: 0 },
      agent: { way: 'own_server', version: '0.169.0' },
    });
  });

  it('is in its heartbeats where the server announces it, and only there', async () => {
    for (const isOffered of [true, false]) {
      const service = await FakeService.start();
      if (!isOffered) service.announced = ['release', 'claims', 'leases'];
      const machine = linkedMachine(service.baseUrl);
      const words = [
        'runner',
        'work',
        '--transport',
        'poll',
        '--poll-interval',
        '1',
        '--codex-bin',
        RECIPE_AGENT,
      ];
      const runner = startOrp(words, { cwd: machine.repo, env: machine.env });
      const beats = () => service.requests.filter(({ route }) => route === 'heartbeat');
      try {
        // The first heartbeat may come before the server has announced anything.
        await until(() => beats().length > 1);
        expect('spool' in (beats().at(-1)?.body ?? {})).toBe(isOffered);
      } finally {
        runner.child.kill('SIGKILL');
        await runner.ended;
        await service.close();
        machine.remove();
      }
    }
  });
});
