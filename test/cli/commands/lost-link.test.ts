import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rememberRoot } from '../../../cli/records/linked-roots.ts';
import { Desk } from '../desk.ts';

describe('orp link doctor in a repository on the list of linked ones', () => {
  it.each<[string, (desk: Desk) => void, RegExp]>([
    ['whose .git folder is gone', () => undefined, / was linked, but is not a git repository any more/],
    [
      'that has a new .git folder',
      (desk) => desk.git('init', '-q'),
      / was linked, but its link is gone .* `orp link project bind`/,
    ],
  ])('%s reports it', async (_, replace, sentence) => {
    using desk = new Desk();
    desk.linkTo('ide_1');
    await rememberRoot(desk.env, desk.repo);
    rmSync(join(desk.repo, '.git'), { recursive: true });
    replace(desk);
    const { issues } = JSON.parse((await desk.orp(['link', 'doctor', '--json'])).stdout);
    expect(issues).toContainEqual(
      expect.objectContaining({
        severity: 'warning',
        code: 'listed_but_not_linked',
        message: expect.stringMatching(sentence),
      }),
    );
  });

  it('reports nothing while the link is there', async () => {
    using desk = new Desk();
    desk.linkTo('ide_1');
    await rememberRoot(desk.env, desk.repo);
    const { stdout } = await desk.orp(['link', 'doctor', '--json']);
    expect(stdout).not.toContain('listed_but_not_linked');
  });
});
