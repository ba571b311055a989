import { describe, expect, it } from 'vitest';
import { openCodexReader } from '../../../../cli/agents/codex-events.ts';
import { Transcript } from '../../../../cli/runner/output/transcript.ts';
import type { ChunkRecord } from '../../../../cli/runner/spool/records.ts';

type Chunk = Omit<ChunkRecord, 'seq'>;

function transcriptInto(
  chunks: Chunk[],
  addChunk = async (chunk: Chunk) => void chunks.push(chunk),
  keepInMind = (_text: string): void => undefined,
): Transcript {
  return new Transcript({
    agent: { openReader: openCodexReader },
    spool: { addChunk, keepInMind },
    secrets: ['hunter2hunter2'],
    onChunk: () => undefined,
  });
}

const line = (event: object | string) =>
  Buffer.from(`${typeof event === 'string' ? event : JSON.stringify(event)}\n`);

describe('the transcript of a run', () => {
  it('keeps the order of output and messages, each message a chunk of its own', async () => {
    const chunks: Chunk[] = [];
    const transcript = transcriptInto(chunks);
    await transcript.takeStdout(line('one'));
    await transcript.takeStdout(
      line({ type: 'item.completed', item: { id: 'a', type: 'agent_message', text: 'Hi' } }),
    );
    await transcript.takeStdout(line('two'));
    await transcript.takeStderr(line('Error: bad'));
    await transcript.end();

    expect(chunks.map(({ stream, text }) => [stream, text])).toEqual([
      ['stdout', 'one\n'],
      ['agent', 'Hi'],
      ['stdout', 'two\n'],
      ['stderr', 'Error: bad\n'],
    ]);
    expect(transcript.lastMessage).toBe('Hi');
    expect(transcript.failure.best()).toBe('Error: bad');
  });

  it('hides a secret that arrives in two reads', async () => {
    const chunks: Chunk[] = [];
    const transcript = transcriptInto(chunks);
    await transcript.takeStdout(Buffer.from('the password is hunter2'));
    await transcript.takeStdout(Buffer.from('hunter2, do not tell\n'));
    await transcript.end();

    expect(chunks.map((chunk) => chunk.text).join('')).toBe('the password is [redacted], do not tell\n');
    expect(transcript.tailOf('stdout')).not.toContain('hunter2');
  });

  it('continues when the disk is full, and reports the loss as soon as there is space', async () => {
    const chunks: Chunk[] = [];
    let isFull = true;
    const transcript = transcriptInto(chunks, async (chunk) => {
      if (isFull) throw new Error('no space left on device');
      chunks.push(chunk);
    });
    await transcript.say('lost');
    await transcript.takeStderr(line('lost, too'));
    await transcript.end();
    isFull = false;
    await transcript.say('kept');
    await transcript.end();

    expect(chunks.map((chunk) => chunk.text)).toEqual([
      '(output was lost: no space left on device)\n',
      'kept\n',
    ]);
  });

  it('leaves the loss to be told later when there is no room even for that', async () => {
    const told: string[] = [];
    const full = () => Promise.reject(new Error('no space left on device'));
    const transcript = transcriptInto([], full, (text) => told.push(text));
    await transcript.say('lost');
    await transcript.end();

    expect(told).toEqual(['(output was lost: no space left on device)\n']);
  });

  it('is bounded however much the agent says, with a mark; the last message is known whole', async () => {
    const chunks: Chunk[] = [];
    const transcript = transcriptInto(chunks);
    const text = 'x'.repeat(500_000);
    const said = { type: 'item.completed', item: { id: 'a', type: 'agent_message', text } };
    for (let i = 0; i < 20; i += 1) await transcript.takeStdout(line(said));
    await transcript.end();

    const bytes = chunks.reduce((sum, chunk) => sum + chunk.text.length, 0);
    expect(bytes).toBeLessThan(4 * 1024 * 1024);
    expect(chunks.filter((chunk) => chunk.stream === 'system').map((chunk) => chunk.text)).toEqual([
      'Messages beyond 3 MiB are not kept; the answer is.\n',
    ]);
    expect(transcript.lastMessage).toBe(text);
  });

  it('remembers the last output only', async () => {
    const transcript = transcriptInto([]);
    for (let i = 0; i < 100; i += 1) await transcript.takeStdout(line('x'.repeat(10_000)));
    await transcript.takeStdout(line('the end'));
    await transcript.end();

    expect(transcript.tailOf('stdout').length).toBeLessThan(70_000);
    expect(transcript.tailOf('stdout')).toMatch(/^\[…\]\n[\s\S]*the end\n$/);
  });
});
