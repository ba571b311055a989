import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ask, canAsk } from '../../../cli/output/terminal.ts';
import { TextOutput } from '../../../cli/output/text-output.ts';

/** A terminal on which somebody types `keys` when asked. */
function terminal(keys: string) {
  const stdin = new PassThrough();
  const stderr = new PassThrough();
  let shown = '';
  stderr.on('data', (chunk: Buffer) => {
    if (shown === '') stdin.write(keys);
    shown += chunk;
  });
  return {
    stdin: Object.assign(stdin, { isTTY: true }),
    stderr: new TextOutput(stderr, {}),
    shown: () => shown,
  };
}

describe('a question on a terminal', () => {
  it('takes one line, shows it, and understands a correction', async () => {
    const { shown, ...streams } = terminal('mirax\u007f@example.test\r');
    expect(await ask(streams, { message: 'E-mail:', isSecret: false })).toBe('mira@example.test');
    expect(shown()).toContain('E-mail: ');
    expect(shown()).toContain('@example.test');
  });

  it('never shows a secret, and keeps its spaces', async () => {
    const { shown, ...streams } = terminal(' open sesame \r');
    expect(await ask(streams, { message: 'Password:', isSecret: true })).toBe(' open sesame ');
    expect(shown()).toBe('Password: \n');
  });

  it('ends with 130 on Ctrl-C, and without an answer on Ctrl-D', async () => {
    const { shown: _, ...streams } = terminal('half\u0003');
    await expect(ask(streams, { message: 'Code:', isSecret: true })).rejects.toMatchObject({
      exitCode: 130,
      code: 'interrupted',
    });
    const { shown: __, ...others } = terminal('\u0004');
    expect(await ask(others, { message: 'Code:', isSecret: true })).toBe('');
  });

  it('is asked only when somebody sits at both ends', () => {
    const { stdin, stderr } = terminal('');
    expect(canAsk({ stdin, stderr })).toBe(false);
    expect(canAsk({ stdin, stderr: { isTTY: true } })).toBe(true);
  });
});
