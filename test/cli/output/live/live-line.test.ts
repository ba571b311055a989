import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { exactDuration } from '../../../../cli/base/duration.ts';
import { LiveLine } from '../../../../cli/output/live/live-line.ts';
import { type RunnerView, statusLine } from '../../../../cli/output/live/status-line.ts';
import { cutToWidth, textWidth } from '../../../../cli/output/text-width.ts';

const CLEAR = '\u001b[J';

/** What is on the screen of a terminal of one line at a time: lines that ended, and the one at the foot. */
class Screen extends Writable {
  readonly isTTY = true;
  columns = 40;
  lines: string[] = [];
  foot = '';
  column = 0;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    for (const part of chunk
      .toString()
      .replaceAll(CLEAR, '\0')
      .split(/([\n\r\0])/)) {
      if (part === '\n') {
        this.lines.push(this.foot);
        this.foot = '';
        this.column = 0;
      } else if (part === '\r') this.column = 0;
      else if (part === '\0') this.foot = this.foot.slice(0, this.column);
      else this.#put(part);
    }
    done();
  }

  #put(text: string): void {
    this.foot = this.foot.slice(0, this.column) + text + this.foot.slice(this.column + text.length);
    this.column += text.length;
  }
}

describe('the live line', () => {
  it('stays at the foot while other output goes above it, and leaves nothing behind', () => {
    const screen = new Screen();
    const line = new LiveLine(screen);
    const out = line.above(screen);
    line.show('waiting for a long time');
    out.write('job.id=job_1\n');
    expect([screen.lines, screen.foot]).toEqual([['job.id=job_1'], 'waiting for a long time']);
    line.show('short');
    expect(screen.foot).toBe('short');
    line.end();
    out.write('the end\n');
    expect([screen.lines, screen.foot]).toEqual([['job.id=job_1', 'the end'], '']);
  });

  it('stays away while somebody is asked something', () => {
    const screen = new Screen();
    const line = new LiveLine(screen);
    const out = line.above(screen);
    line.show('working');
    out.write('Run this? [y/N] ');
    line.show('working 1 s');
    expect(screen.foot).toBe('Run this? [y/N] ');
    out.write('\n');
    expect(screen.foot).toBe('working 1 s');
  });

  it('is cut to the terminal and paints only its first sign', () => {
    const screen = new Screen();
    new LiveLine(screen).show(`● ${'x'.repeat(60)}`, 32);
    expect(screen.foot).toBe(`\u001b[32m●\u001b[39m ${'x'.repeat(36)}…`);
  });

  it('follows a terminal whose width changes, and clears from where it began', () => {
    const screen = new Screen();
    const line = new LiveLine(screen);
    line.show(`● ${'x'.repeat(60)}`);
    // However the terminal has broken the line now, the cursor is at its beginning.
    expect(screen.column).toBe(0);
    screen.columns = 20;
    screen.emit('resize');
    expect([screen.column, screen.foot]).toEqual([0, `● ${'x'.repeat(16)}…`]);
    line.end();
    screen.emit('resize');
    expect(screen.foot).toBe('');
  });

  it('takes a terminal that does not know its width for a usual one', () => {
    const screen = new Screen();
    screen.columns = 0;
    new LiveLine(screen).show('x'.repeat(100));
    expect(screen.foot).toBe(`${'x'.repeat(78)}…`);
  });

  it.each([
    ['plain', 5, 'plain'],
    ['plainer', 5, 'plai…'],
    ['日本語の文', 6, '日本…'],
    ['日本語', 6, '日本語'],
    ['👩‍👩‍👧‍👦 family', 4, '👩‍👩‍👧‍👦 …'],
  ])('%s in %i columns is %s', (text, columns, cut) => {
    expect(cutToWidth(text, columns)).toBe(cut);
  });
});

describe('what the live line says', () => {
  const aView = (overrides: Partial<RunnerView> = {}): RunnerView => ({
    machine: 'workbench',
    channel: { transport: 'ws', up: true },
    isDraining: false,
    isDrained: false,
    obstacle: undefined,
    jobs: [],
    elapsedMs: 7_000,
    ...overrides,
  });
  const aJob = { id: 'job_1', session: 'Main', elapsedMs: 72_000, output: '' };

  it.each<[string, RunnerView, string]>([
    ['waiting', aView(), '○ waiting over ws as workbench · 7 s'],
    ['drained', aView({ isDrained: true }), '○ drained over ws as workbench · 7 s'],
    [
      'drained, at work',
      aView({ isDrained: true, jobs: [aJob] }),
      '● drained, finishing over ws as workbench · job_1 in Main 1 min 12 s',
    ],
    [
      'before the first connection',
      aView({ channel: { transport: 'auto', up: undefined } }),
      '○ waiting as workbench · 7 s',
    ],
    [
      'without a connection',
      aView({ channel: { transport: 'sse', up: false } }),
      '○ waiting (sse is down) as workbench · 7 s',
    ],
    ['paused', aView({ obstacle: 'not signed in' }), '○ paused over ws as workbench · 7 s · not signed in'],
    [
      'at work',
      aView({ jobs: [{ ...aJob, output: 'one\ntwo\n\n' }] }),
      '● working over ws as workbench · job_1 in Main 1 min 12 s · two',
    ],
    [
      'with several jobs',
      aView({
        jobs: [
          { ...aJob, output: 'old' },
          { ...aJob, id: 'job_2', session: '' },
        ],
      }),
      '● working over ws as workbench · 2 jobs: job_1 in Main 1 min 12 s, job_2 1 min 12 s · old',
    ],
    [
      'leaving',
      aView({ isDraining: true, jobs: [aJob] }),
      '● finishing over ws as workbench · job_1 in Main 1 min 12 s',
    ],
    [
      'with output that would steer the terminal',
      aView({ jobs: [{ ...aJob, output: '\u001b[2Jgone\u0007\r\nnext\u001b]0;title\u0007 line' }] }),
      '● working over ws as workbench · job_1 in Main 1 min 12 s · next line',
    ],
  ])('%s', (_, view, line) => {
    expect(statusLine(view, 200)).toBe(line);
  });

  const working = aView({
    jobs: [{ ...aJob, id: 'job_01k9h3v8q2m4x7c5t6n1p0rb3', output: 'ok 41 - reads a gauge' }],
  });

  it.each<[number, RunnerView, string]>([
    [29, aView(), '○ waiting over ws · 7 s'],
    [20, aView(), '○ waiting · 7 s'],
    [
      200,
      working,
      '● working over ws as workbench · job_01k9h3v8q2m4x7c5t6n1p0rb3 in Main 1 min 12 s · ok 41 - reads a gauge',
    ],
    [79, working, '● working · job_01k9h3v8q2m4x7c5t6n1p0rb3 in Main 1 min 12 s · ok 41 - reads a…'],
    [62, working, '● working over ws as workbench · 1 min 12 s · ok 41 - reads a…'],
    [31, working, '● working · 1 min 12 s · ok 41…'],
    [31, aView({ jobs: [aJob, aJob] }), '● working · 2 jobs · 1 min 12 s'],
  ])('in %i columns what matters most', (columns, view, line) => {
    expect(cutToWidth(statusLine(view, columns), columns)).toBe(line);
    expect(textWidth(line)).toBeLessThanOrEqual(columns);
  });

  it.each([
    ['a wide letter', '字', 2],
    ['an emoji of several code points', '👩‍👩‍👧‍👦', 2],
    ['a letter with its mark', 'e\u0301', 1],
    ['a mark that has no letter', '\u0301', 0],
  ])('counts %s as a terminal shows it', (_, text, width) => {
    expect(textWidth(text)).toBe(width);
  });

  it.each([
    [-5, '0 s'],
    [59_999, '59 s'],
    [187_000, '3 min 07 s'],
    [7_500_000, '2 h 05 min'],
  ])('%i ms is %s', (ms, text) => {
    expect(exactDuration(ms)).toBe(text);
  });
});
