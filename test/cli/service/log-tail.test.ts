import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GONE_MARK, LogTail } from '../../../cli/service/log-tail.ts';
import { RotatingLog } from '../../../cli/service/rotating-log.ts';
import { T0 } from '../../support/clock.ts';

let folder: string;
let path: string;
let tail: LogTail | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orp-tail-'));
  path = join(folder, 'runner.log');
});
afterEach(() => {
  tail?.close();
  rmSync(folder, { recursive: true, force: true });
});

const numbers = (text: string) => [...text.matchAll(/line (\d+)\n/g)].map(([, number]) => Number(number));

describe('a log that is followed', () => {
  it.each([1, 2, 3])('is read whole and once when it was turned over %i times between two looks', (turns) => {
    const log = new RotatingLog(path, { now: () => T0, maxBytes: 200 });
    // Six lines a file.
    const write = (from: number, to: number) => {
      for (let at = from; at < to; at += 1) log.write(`line ${at + 10}\n`);
    };
    write(0, 2);
    tail = new LogTail(path, 0);
    const before = tail.next();
    write(2, 2 + turns * 6);
    const seen = numbers(before + tail.next() + tail.next());
    expect(seen).toEqual(Array.from({ length: 2 + turns * 6 }, (_, at) => at + 10));
    log.destroy();
  });

  it.each([4, 5, 9])('that aged out in %i turns goes on with the oldest file left, marked', (turns) => {
    const log = new RotatingLog(path, { now: () => T0, maxBytes: 200 });
    const write = (from: number, to: number) => {
      for (let at = from; at < to; at += 1) log.write(`line ${at + 10}\n`);
    };
    write(0, 8);
    tail = new LogTail(path, 0);
    expect(numbers(tail.next())).toEqual([16, 17]);
    write(8, 8 + turns * 6);
    const text = tail.next();
    // The present file has two lines and the three before it six each; the rest of the followed one is still open.
    const last = Array.from({ length: 20 }, (_, at) => at + turns * 6 - 2);
    expect(numbers(text)).toEqual([18, 19, 20, 21, ...last]);
    const [before = '', after = '', ...more] = text.split(`${GONE_MARK}\n`);
    expect([numbers(before), numbers(after), more]).toEqual([[18, 19, 20, 21], last, []]);
    expect(tail.next()).toBe('');
    log.destroy();
  });

  it('that begins and is turned over between two looks is read from its first file', () => {
    writeFileSync(`${path}.1`, 'line 1\n');
    tail = new LogTail(path, 0);
    expect(tail.next()).toBe('');
    const log = new RotatingLog(path, { now: () => T0, maxBytes: 200 });
    for (let at = 10; at < 18; at += 1) log.write(`line ${at}\n`);
    expect(numbers(tail.next())).toEqual([10, 11, 12, 13, 14, 15, 16, 17]);
    log.destroy();
  });

  it('that was deleted goes on with the next one, and shows nothing of an older one', () => {
    writeFileSync(`${path}.1`, 'line 1\n'.repeat(50));
    writeFileSync(path, 'line 2\n');
    tail = new LogTail(path, 7);
    rmSync(path);
    expect(tail.next()).toBe('');
    writeFileSync(path, 'line 3\n');
    expect(tail.next() + tail.next()).toBe('line 3\n');
  });

  it('that was emptied goes on from its beginning', () => {
    writeFileSync(path, 'line 1\nline 2\n');
    tail = new LogTail(path, 14);
    writeFileSync(path, 'line 3\n');
    expect(tail.next()).toBe('line 3\n');
  });

  it('is read by whole lines, and from when it is there', () => {
    tail = new LogTail(path, 0);
    expect(tail.next()).toBe('');
    writeFileSync(path, 'line 1\nli');
    expect(tail.next()).toBe('line 1\n');
    appendFileSync(path, 'ne 2\n');
    expect(tail.next()).toBe('line 2\n');
  });
});
