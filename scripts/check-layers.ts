/**
 * Checks that every file has a floor, that imports only point to lower floors without circles, and that no folder is too
 * large (`scripts/layers/floors.ts`). `--report` prints the measured properties; `--details` also prints the files behind
 * each number.
 */

import { readSources } from './layers/imports.ts';
import { layerProblems } from './layers/problems.ts';
import { measure, PROGRAM_NAMES } from './layers/report.ts';
import { projectPath } from './local/project-path.ts';
import { readOptions, runScript } from './local/words.ts';

function main(): number {
  const { report, details } = readOptions(
    { report: { type: 'boolean', default: false }, details: { type: 'boolean', default: false } },
    'node scripts/check-layers.ts takes --report and --details.',
  );
  const sources = readSources(projectPath('.'), PROGRAM_NAMES);
  if (report || details) {
    for (const { name, value, target, details: lines } of measure(sources)) {
      console.log(`${value.padStart(4)}  (at most ${target})  ${name}`);
      if (details) for (const line of lines) console.log(`        ${line}`);
    }
    return 0;
  }
  const problems = layerProblems(sources);
  for (const problem of problems) console.log(problem);
  return problems.length === 0 ? 0 : 1;
}

process.exitCode = await runScript(main);
