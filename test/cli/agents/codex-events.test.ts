import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AgentEvent } from '../../../cli/agents/agent.ts';
import { openCodexReader } from '../../../cli/agents/codex-events.ts';

const SAMPLE = join(import.meta.dirname, '../../support/codex-events.sample.jsonl');

function read(...events: (object | string)[]): AgentEvent[] {
  const reader = openCodexReader();
  return events.flatMap((event) =>
    reader.readLine(typeof event === 'string' ? event : JSON.stringify(event), true),
  );
}

function command(type: string, more: object = {}) {
  return {
    type,
    item: { id: 'i1', type: 'command_execution', command: 'ls', aggregated_output: '', ...more },
  };
}

describe('the events of Codex', () => {
  it('make messages of what the agent says', () => {
    expect(read({ type: 'item.completed', item: { id: 'i', type: 'agent_message', text: 'Hi' } })).toEqual([
      { kind: 'message', text: 'Hi' },
    ]);
  });

  it('show a command once, then its output, then an exit code that is not zero', () => {
    const done = command('item.completed', { aggregated_output: 'a\nb\n', exit_code: 2, status: 'failed' });

    expect(read(command('item.started', { exit_code: null }), done)).toEqual([
      { kind: 'log', stream: 'stdout', level: 'info', text: '$ ls\n' },
      { kind: 'log', stream: 'stdout', level: 'info', text: 'a\nb\n' },
      { kind: 'log', stream: 'stdout', level: 'warn', text: '(exit code 2)\n' },
    ]);
  });

  it('show a command whose start was not seen', () => {
    expect(read(command('item.completed', { exit_code: 0 }))).toEqual([
      { kind: 'log', stream: 'stdout', level: 'info', text: '$ ls\n' },
    ]);
  });

  it('distinguish a remark about an error from the final failure', () => {
    const events = read(
      { type: 'error', message: 'Reconnecting' },
      { type: 'turn.failed', error: { message: 'Refused.' } },
    );

    expect(events).toContainEqual({ kind: 'failure', message: 'Reconnecting', final: false });
    expect(events).toContainEqual({ kind: 'failure', message: 'Refused.', final: true });
  });

  it('report the usage of a turn', () => {
    const usage = { input_tokens: 20, cached_input_tokens: 8, output_tokens: 10, reasoning_output_tokens: 2 };

    expect(read({ type: 'turn.completed', usage })).toEqual([
      { kind: 'usage', usage: { inputTokens: 20, cachedInputTokens: 8, outputTokens: 10 } },
    ]);
  });

  it.each([
    'plain text',
    '{ not json',
    '{"type":"item.completed","item":{"id":"i","type":"hologram"}}',
    '{"type":"something.new"}',
    '{"no":"type"}',
    '[1,2]',
  ])('become plain output when they are not understood: %s', (line) => {
    expect(read(line)).toEqual([{ kind: 'log', stream: 'stdout', level: 'info', text: `${line}\n` }]);
  });

  it('survive fields of the wrong type', () => {
    expect(
      read({ type: 'turn.failed', error: 'text' }, { type: 'turn.completed', usage: { input_tokens: 'x' } }),
    ).toEqual([
      { kind: 'failure', message: '', final: true },
      { kind: 'usage', usage: { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0 } },
    ]);
  });

  it('are all understood in a recorded run of Codex', () => {
    const reader = openCodexReader();
    const lines = readFileSync(SAMPLE, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{'));
    const raw = lines
      .flatMap((line) => reader.readLine(line, true))
      .filter((event) => 'text' in event && event.text.startsWith('{"type"'));

    expect(lines.length).toBeGreaterThan(3);
    expect(raw).toEqual([]);
  });
});
