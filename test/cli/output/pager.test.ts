import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pagerOf } from '../../../cli/output/pager.ts';
import { Desk } from '../desk.ts';
import { MAIN } from '../runner/orp-process.ts';
import { openTerminal } from './terminal.ts';

/** Registers sessions, so that their list is longer than a terminal of ten lines. */
async function longList(desk: Desk): Promise<void> {
  for (let at = 0; at < 12; at += 1) {
    await desk.json('link', 'session', 'register', '--orp-session-id', `s${at}`, '--label', `Label ${at}`);
  }
}

/** Lists the sessions on a terminal. Returns what it shows, and what the pager got. */
async function listOn(
  desk: Desk,
  rows: number,
  ...words: string[]
): Promise<{ shown: string; paged: string }> {
  const copy = join(desk.home, 'paged');
  const env = { ...desk.env, ORP_PAGER: `cat > ${copy}` };
  const list = [process.execPath, MAIN, 'link', 'session', 'list', ...words]
    .map((word) => `'${word}'`)
    .join(' ');
  const terminal = openTerminal(['sh', '-c', `stty rows ${rows} cols 60; exec ${list}`], {
    cwd: desk.repo,
    env,
  });
  await terminal.ended;
  return { shown: terminal.output, paged: existsSync(copy) ? readFileSync(copy, 'utf8') : '' };
}

describe('a page that is longer than the terminal', () => {
  it('goes to the pager', async () => {
    using desk = new Desk();
    await longList(desk);
    const { shown, paged } = await listOn(desk, 10);
    expect(paged).toContain('Label 11');
    expect(shown).not.toContain('Label');
  });

  it.each([
    ['fits', 40, []],
    ['is not to be paged', 10, ['--no-pager']],
    ['is a document', 10, ['--json']],
  ])('is printed when it %s', async (_why, rows, words) => {
    using desk = new Desk();
    await longList(desk);
    const { shown, paged } = await listOn(desk, rows, ...words);
    expect({ paged, isShown: shown.includes('Label 11') }).toEqual({ paged: '', isShown: true });
  });

  it('is printed when the pager does not exist', async () => {
    using desk = new Desk();
    await longList(desk);
    const env = { ...desk.env, PAGER: 'no-such-pager 2> /dev/null' };
    const command = `stty rows 10 cols 60; exec '${process.execPath}' '${MAIN}' link session list`;
    const terminal = openTerminal(['sh', '-c', command], { cwd: desk.repo, env });
    await terminal.ended;
    expect(terminal.output).toContain('Label 11');
  });

  it('never goes to a pager in a pipe', async () => {
    using desk = new Desk();
    await longList(desk);
    desk.env.ORP_PAGER = `cat > ${join(desk.home, 'paged')}`;
    expect((await desk.orp(['link', 'session', 'list'])).stdout).toContain('Label 11');
    expect(existsSync(join(desk.home, 'paged'))).toBe(false);
  });
});

it('the pager is ORP_PAGER, PAGER or less, and empty or cat means none', () => {
  expect(pagerOf({ ORP_PAGER: 'most', PAGER: 'more' })?.program).toBe('most');
  expect(pagerOf({ PAGER: 'more' })?.program).toBe('more');
  expect(pagerOf({})).toMatchObject({ program: 'less -FRX', env: { LESS: 'FRX' } });
  expect([pagerOf({ ORP_PAGER: '' }), pagerOf({ PAGER: 'cat' }), pagerOf({ TERM: 'dumb' })]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
