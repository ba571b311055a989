import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RotatingLog } from '../../../cli/service/rotating-log.ts';
import { T0 } from '../../support/clock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orp-log-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, texts: readonly string[], maxBytes = 200): Promise<void> {
  const log = new RotatingLog(path, { now: () => T0, maxBytes });
  for (const text of texts) log.write(text);
  return new Promise((done) => log.end(done));
}

describe('the log of the service', () => {
  it('gives every line its time, however it was written', async () => {
    const path = join(folder, 'log', 'runner.log');
    await write(path, ['one\ntw', 'o\n', 'three']);
    const at = new Date(T0).toISOString();
    expect(readFileSync(path, 'utf8')).toBe(`${at} one\n${at} two\n${at} three\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('keeps four files of a bounded size, the newest lines of all', async () => {
    const path = join(folder, 'runner.log');
    const lines = Array.from({ length: 100 }, (_, at) => `line ${at}\n`);
    await write(path, lines.slice(0, 50));
    await write(path, lines.slice(50));
    const files = readdirSync(folder).sort();
    expect(files).toEqual(['runner.log', 'runner.log.1', 'runner.log.2', 'runner.log.3']);
    for (const file of files) expect(statSync(join(folder, file)).size).toBeLessThanOrEqual(200);
    const all = files
      .reverse()
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('');
    const numbers = [...all.matchAll(/line (\d+)/g)].map(([, number]) => Number(number));
    expect(numbers).toEqual(lines.map((_, at) => at).slice(100 - numbers.length));
    expect(numbers.length).toBeGreaterThan(15);
  });

  it('a place that cannot be written costs lines, never the work', async () => {
    writeFileSync(join(folder, 'file'), '');
    await write(join(folder, 'file', 'runner.log'), ['one\n', 'two\n']);
  });
});
