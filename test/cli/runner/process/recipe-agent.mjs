#!/usr/bin/env node
/**
 * A stand-in for Codex that does what its prompt, a JSON object, tells it: so that a test can order any behaviour, good
 * or bad. It obeys the command line of `codex exec resume`. Keys, in the order they are obeyed:
 *
 *   begun      file that gets the time at which this process began, in ms of the clock of the machine
 *   journal    file to which `start <pid> <session>` and `end <pid>` are appended
 *   ignore     signals to ignore
 *   child      `hold`: a child in the group that keeps the pipe open; `leave`: one in a session of its own, too;
 *              `vanish`: that, and without the environment of the agent
 *   deaf       go on though nobody reads the output any more
 *   ready      file to create once everything above is in place and the turn has begun: a runner that is killed then breaks
 *              no pipe that is still written to
 *   thread     the session it says it works in; without it, the one that was asked for
 *   stderr     lines for stderr
 *   raw        lines for stdout, as they are
 *   flood      number of bytes of output (lines of a command) to print
 *   binary     print bytes that are not UTF-8
 *   waitFor    file to wait for before going on; without it and with `hang`, wait for ever
 *   say        the answer (event and last-message file)
 *   fail       message of a `turn.failed` event
 *   end        false: the turn never ends
 *   exit       exit code
 */

import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

const args = process.argv.slice(2);
if (args[0] === '--version') {
  console.log('recipe-agent 1.0.0');
  process.exit(0);
}
const answerFile = args[args.indexOf('--output-last-message') + 1];
const session = args.at(-2);
const prompt = readFileSync(0, 'utf8');
const recipe = prompt.startsWith('{') ? JSON.parse(prompt) : { say: `You said: ${prompt}` };

const print = (bytes) =>
  new Promise((done) => {
    process.stdout.write(bytes, done);
  });
const event = (fields) => print(`${JSON.stringify(fields)}\n`);
const note = (word) =>
  recipe.journal && appendFileSync(recipe.journal, `${word} ${process.pid} ${session}\n`);

const HANG = 'setInterval(() => 0, 1000)';

function startChild() {
  const ignoring = (recipe.ignore ?? []).map((name) => `process.on('${name}', () => 0);`).join('');
  const child = spawn(process.execPath, ['-e', `${ignoring}${HANG}`], {
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: recipe.child !== 'hold',
    env: recipe.child === 'vanish' ? { PATH: process.env.PATH } : process.env,
  });
  child.unref();
  if (recipe.journal) appendFileSync(recipe.journal, `child ${child.pid}\n`);
}

/** The file is there with its content, or not at all. */
function announce(path, text = String(process.pid)) {
  writeFileSync(`${path}.part`, text);
  renameSync(`${path}.part`, path);
}

async function flood(size) {
  const line = { type: 'item.completed', item: { id: 'c', type: 'command_execution', command: 'flood' } };
  for (let sent = 0; sent < size; sent += 1024 * 1024) {
    line.item.aggregated_output = `${'0123456789abcde\n'.repeat(65536)}`;
    await event(line);
  }
}

/** Asks again and again: a watcher takes a file that appears before its first look for one that was always there. */
async function waitForFile(path) {
  while (!existsSync(path)) await new Promise((again) => setTimeout(again, 20));
}

async function obey() {
  if (recipe.begun) announce(recipe.begun, String(Number(process.hrtime.bigint()) / 1e6 - performance.now()));
  note('start');
  for (const name of recipe.ignore ?? []) process.on(name, () => 0);
  if (recipe.child) startChild();
  if (recipe.deaf) process.stdout.on('error', () => 0);
  await event({ type: 'thread.started', thread_id: recipe.thread ?? session });
  await event({ type: 'turn.started' });
  if (recipe.ready) announce(recipe.ready);
  for (const line of recipe.stderr ?? []) process.stderr.write(`${line}\n`);
  for (const line of recipe.raw ?? []) await print(`${line}\n`);
  if (recipe.flood) await flood(recipe.flood);
  if (recipe.binary) await print(Buffer.from([0xff, 0xfe, 0x00, 0x41, 0xc3, 0x28, 0xe2, 0x82, 0x0a]));
  if (recipe.hang) await new Promise(() => void setInterval(() => 0, 1000));
  if (recipe.waitFor) await waitForFile(recipe.waitFor);
  if (recipe.say !== undefined) {
    await event({ type: 'item.completed', item: { id: 'm', type: 'agent_message', text: recipe.say } });
    writeFileSync(answerFile, recipe.say);
  }
  if (recipe.fail !== undefined) await event({ type: 'turn.failed', error: { message: recipe.fail } });
  else if (recipe.end !== false)
    await event({
      type: 'turn.completed',
      usage: { input_tokens: 3, cached_input_tokens: 1, output_tokens: 2 },
    });
  note('end');
  process.exit(recipe.exit ?? 0);
}

await obey();
