/**
 * `npm run demo`: shows the complete path of a job on this machine. Server, repository, sign-in and settings are in a
 * temporary folder. At the end, all processes are stopped and all files are removed.
 */

import { chooseAgent } from './demo/agent-session.ts';
import { type Answer, readAnswers } from './demo/answers.ts';
import { Progress, table } from './demo/progress.ts';
import {
  makeFolder,
  makeRepository,
  personEnv,
  removeFolder,
  type Stage,
  startHosted,
} from './demo/stage.ts';
import { type Told, tell } from './demo/story.ts';
import { buildOrp } from './local/build-orp.ts';
import type { Runtime } from './local/runtime.ts';
import { readOptions, runScript } from './local/words.ts';

const HELP = `Usage: npm run demo -- [--codex] [--keep]

  --codex  use the Codex on the PATH (or CODEX_BIN); otherwise a bundled demonstration agent answers
  --keep   keep the folder, and say how to look around in it`;

interface Settings {
  codex: boolean;
  keep: boolean;
}

function summary(stage: Stage, told: Told, answers: Answer[]): string {
  const rows = answers.map((answer) => [
    answer.title,
    answer.jobId,
    answer.checkpointId ?? '',
    answer.status,
    `${answer.entries} entries`,
  ]);
  const texts = answers.map(
    (answer) => `\n${answer.title}, as it stands in the hosted workspace:\n${indent(answer.content)}`,
  );
  return `
${table([['what ran', 'job', 'checkpoint', 'status', 'transcript'], ...rows])}
${texts.join('\n')}

idea ${told.ideaId}, agent session ${told.agentSessionId}
The answers were read back over HTTP: GET ${stage.hosted.url}/api/cli/runner/jobs/<job>`;
}

function indent(text: string): string {
  return text.trim().replace(/^/gm, '  | ');
}

function times(progress: Progress): string {
  const rows = progress.took.map((took) => [took.title, `${took.seconds.toFixed(1)} s`]);
  const total = progress.took.reduce((sum, took) => sum + took.seconds, 0);
  return `\n${table([['step', 'took'], ...rows, ['all', `${total.toFixed(1)} s`]])}`;
}

function howToLookAround(stage: Stage): string {
  const { email, password } = stage.person;
  return `
Kept in ${stage.folder}
  look around: npm start -- --persist-to ${stage.hostedState}
  sign in as ${email}, password ${password}
  remove: rm -r ${stage.folder}`;
}

async function play(folder: string, settings: Settings, signal: AbortSignal): Promise<void> {
  const progress = new Progress(signal);
  const agent = chooseAgent(settings.codex);
  console.log(`ORP Runner demonstration. The agent is ${agent.title}.\n`);
  await progress.step('Build the orp command', buildOrp);
  const repository = await progress.step('Make a repository', () => makeRepository(folder), String);
  const hostedState = `${folder}/hosted`;
  let hosted: Runtime | undefined;
  try {
    const started = await progress.step('Start the hosted side on the embedded runtime', async () => {
      const made = await startHosted(hostedState);
      hosted = made.hosted;
      return made;
    });
    console.log(`    ${started.hosted.url}`);
    const orp = { cwd: repository, env: personEnv(folder), signal };
    const stage: Stage = { folder, hostedState, repository, orp, ...started };
    const told = await tell(stage, agent, progress);
    const answers = await progress.step('Read the answers in the hosted workspace', () =>
      readAnswers(stage, told.jobs),
    );
    console.log(times(progress));
    console.log(summary(stage, told, answers));
    if (settings.keep) console.log(howToLookAround(stage));
  } finally {
    await hosted?.close();
  }
}

/** The first signal stops the demonstration and cleans up. The second signal exits without cleaning up. */
function interruption(): AbortSignal {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (interrupted.signal.aborted) process.exit(130);
      console.error('\nInterrupted: stopping what runs and removing the folder …');
      interrupted.abort();
    });
  }
  return interrupted.signal;
}

async function main(): Promise<number> {
  const values = readOptions(
    {
      codex: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
    'npm run demo -- --help',
  );
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const signal = interruption();
  const folder = makeFolder();
  if (!values.keep) process.on('exit', () => removeFolder(folder));
  try {
    await play(folder, values, signal);
    console.log('\nThe demonstration worked.');
    return 0;
  } catch (error) {
    if (signal.aborted) return 130;
    console.error(`\nerror: the demonstration failed: ${(error as Error).message}`);
    return 1;
  }
}

process.exit(await runScript(main));
