/** How long `orp link session discover` takes with thousands of sessions of Codex on the disk. */

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeRepository } from '../../scripts/demo/stage.ts';
import { isolatedEnv, orpJson } from '../../scripts/local/orp-command.ts';
import type { BenchOptions, Report } from './bench.ts';
import { percentile, rounded } from './report.ts';

const GOAL_MS = 500;
const RUNS = 10;
/** The repository has one session in a hundred. */
const OTHERS = 100;
/** The instructions of the agent precede the first prompt. */
const INSTRUCTIONS = 'Follow the conventions of the repository. '.repeat(500);
const ANSWER = 'The tide is measured every ten minutes. '.repeat(2000);

export async function run({ jobs: sessions, say }: BenchOptions): Promise<Report> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'orp-discover-')));
  try {
    const repository = makeRepository(folder);
    const orp = { cwd: repository, env: { ...isolatedEnv(folder), CODEX_HOME: join(folder, 'codex') } };
    say(`writing ${sessions} sessions`);
    for (let number = 0; number < sessions; number += 1) writeSession(folder, { number, repository });
    const rows: { command: string; found: number; p50Ms: number; p95Ms: number }[] = [];
    for (const words of [[], ['--all']]) {
      const command = ['link', 'session', 'discover', ...words];
      const times: number[] = [];
      let found = 0;
      for (let round = 0; round < RUNS; round += 1) {
        const beganAt = performance.now();
        found = (await orpJson<{ sessions: unknown[] }>(orp, command)).sessions.length;
        times.push(performance.now() - beganAt);
      }
      const name = `orp ${command.join(' ')}`;
      rows.push({
        command: name,
        found,
        p50Ms: rounded(percentile(times, 0.5)),
        p95Ms: rounded(percentile(times, 0.95)),
      });
      say(name);
    }
    return {
      title: `Discovering sessions among ${sessions}, ${RUNS} runs of each command, start-up included`,
      table: [
        ['command', 'found', 'p50 ms', 'p95 ms'],
        ...rows.map(({ command, found, p50Ms, p95Ms }) => [command, found, p50Ms, p95Ms]),
      ],
      notes: [`Goal: at most ${GOAL_MS} ms with 10,000 sessions.`],
      json: { sessions, rows },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes a session as Codex does: instructions, a prompt and a long answer. About 100 KB. */
function writeSession(folder: string, { number, repository }: { number: number; repository: string }): void {
  const day = join(folder, 'codex', 'sessions', '2026', '03', String((number % 28) + 1).padStart(2, '0'));
  mkdirSync(day, { recursive: true });
  const id = `0198c2de-0000-7000-8000-${String(number).padStart(12, '0')}`;
  const cwd = number % OTHERS === 0 ? repository : `/srv/project-${number % OTHERS}`;
  const timestamp = '2026-03-01T10:00:00.000Z';
  const lines = [
    { timestamp, type: 'session_meta', payload: { id, timestamp, cwd, instructions: INSTRUCTIONS } },
    { timestamp, type: 'event_msg', payload: { type: 'user_message', message: `Prompt ${number}.` } },
    { timestamp, type: 'response_item', payload: { type: 'message', text: ANSWER } },
  ];
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  writeFileSync(join(day, `rollout-2026-03-01T10-00-00-${id}.jsonl`), text);
}
