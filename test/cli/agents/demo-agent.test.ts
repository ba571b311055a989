import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { codexArguments } from '../../../cli/agents/codex.ts';

const AGENT = join(import.meta.dirname, '../../../scripts/demo/agent.mjs');

it('the demonstration agent understands every command line that is written for Codex', () => {
  const home = mkdtempSync(join(tmpdir(), 'orp-demo-agent-'));
  try {
    const run = (words: string[]) =>
      spawnSync(process.execPath, [AGENT, ...words], {
        env: { ...process.env, DEMO_AGENT_HOME: home },
        input: 'Count the gauges.',
        encoding: 'utf8',
      });
    const { thread_id: session } = JSON.parse(run(['exec', '--json', '-']).stdout.split('\n')[0] ?? '');
    const answer = join(home, 'answer');
    const resumed = run(
      codexArguments({
        sessionId: session,
        lastMessageFile: answer,
        settings: { sandbox: 'read-only', approval: 'never' },
        profile: 'deep',
      }),
    );
    expect(resumed).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(answer, 'utf8')).toContain('“Count the gauges.”');
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
