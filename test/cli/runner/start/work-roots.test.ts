import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { rememberRoot } from '../../../../cli/records/linked-roots.ts';
import { WorkRoots } from '../../../../cli/runner/start/work-roots.ts';
import { Desk } from '../../desk.ts';

/** What a runner with --all-linked reports of a listed repository whose .git folder is gone, and perhaps replaced. */
async function reportedAfter(replace: (repo: string) => void): Promise<string[]> {
  using desk = new Desk();
  desk.linkTo('ide_1');
  await rememberRoot(desk.env, desk.repo);
  rmSync(join(desk.repo, '.git'), { recursive: true });
  replace(desk.repo);
  const reported: string[] = [];
  const reporter = { info: () => undefined, warn: (text: string) => void reported.push(text) };
  const roots = new WorkRoots(
    desk.env,
    { repoRoot: desk.home, linkedProjectRoot: [], allLinked: true },
    reporter,
  );
  await roots.inspect();
  await roots.inspect();
  return reported.map((text) => text.replaceAll(desk.repo, '<repo>'));
}

it.each<[string, (repo: string) => void, RegExp]>([
  [
    'is no git repository any more',
    () => undefined,
    /^<repo> was linked, but is not a git repository any more/,
  ],
  [
    'has a new .git folder',
    (repo) => execFileSync('git', ['init', '-q', repo]),
    /^<repo> was linked, but its link is gone .* `orp link project bind`/,
  ],
])('a listed repository that %s is reported once', async (_, replace, sentence) => {
  const reported = await reportedAfter(replace);
  expect(reported).toHaveLength(1);
  expect(reported[0]).toMatch(sentence);
});
