import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { projectPath } from '../../scripts/local/project-path.ts';
import { isSlow, STARTERS, slowTests } from '../../scripts/testing/slow-tests.ts';

it('every helper that starts processes is where the rule looks for it', () => {
  expect(STARTERS.filter((path) => !existsSync(projectPath(path)))).toEqual([]);
});

const at = 'test/cli/output/a.test.ts';

it.each([
  ['runs orp', "import { RECIPE_AGENT, runOrp } from '../runner/orp-process.ts';"],
  ['opens a terminal', "import { openTerminal } from './terminal.ts';"],
  ['starts the server', "import { startHosted } from '../../support/hosted.ts';"],
])('a file that %s is slow', (_what, source) => {
  expect(isSlow(at, source)).toBe(true);
});

it.each([
  ['tests the prompts', "import { ask } from '../../../cli/output/terminal.ts';"],
  ['runs the commands in its own process', "import { Desk } from '../desk.ts';"],
])('a file that %s is fast', (_what, source) => {
  expect(isSlow(at, source)).toBe(false);
});

it('npm run test:fast leaves out terminals and runners, and keeps the commands', () => {
  expect(slowTests()).toContain('test/cli/output/output-hostile.test.ts');
  expect(slowTests()).not.toContain('test/cli/commands/link.test.ts');
});
