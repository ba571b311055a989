/** Each decision record has a number of its own, in its name and in its title, and its status names records that exist. */

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
