/** Checks that each decision record has a unique number in its name and title, and that its status names existing records. */

import { readdirSync, readFileSync } from 'node:fs';
import { decisionProblems } from './local/decision-problems.ts';
import { projectPath } from './local/project-path.ts';

const folder = projectPath('docs/decisions');
const records = readdirSync(folder).map((name): [string, string] => [
  name,
  readFileSync(`${folder}/${name}`, 'utf8'),
]);
const problems = decisionProblems(new Map(records));
if (problems.length > 0) {
  console.log(problems.join('\n'));
  process.exitCode = 1;
}
