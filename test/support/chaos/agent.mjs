#!/usr/bin/env node
/**
 * A scripted Codex for `npm run bench -- chaos`. It does what its prompt, a JSON object, says, and keeps a journal of its
 * own, one file a run, written before the thing itself happens: what the rest of the system claims is judged by it.
 *
 *   {"record": "start", run, key, session, pid, at, overlaps?}    it got its prompt; `overlaps`: another run in its session
 *   {"record": "piece", command, text}      output of a command
 *   {"record": "answer", text}              the answer
 *   {"record": "end", at}                   it is about to leave with what its recipe says
 */

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const args = process.argv.slice(2);
const answerFile = args[args.indexOf('--output-last-message') + 1];
const session = args.at(-2);
const recipe = JSON.parse(readFileSync(0, 'utf8'));
const run = `${recipe.key}-${process.pid}-${randomBytes(4).toString('hex')}`;

const WORDS = [
  'tide',
  'gauge',
  'ebb',
  'Wasserstand',
  'marée',
  '潮位',
  'прилив',
  '🌊',
  'buoy',
  '  ',
  '\t"',
  '\\n',
];

function journal(record) {
  appendFileSync(join(recipe.folder, 'journals', `${run}.jsonl`), `${JSON.stringify(record)}\n`);
}

/** Whoever else is at work in this session: a live run of this program that has not said it ended. */
function whoElseIsHere() {
  const place = join(recipe.folder, 'sessions', session);
  let found;
  try {
    const [pid, other] = readFileSync(place, 'utf8').split(' ');
    process.kill(Number(pid), 0);
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(session)) found = other;
  } catch {
    // Nobody was here, or they are gone.
  }
  writeFileSync(place, `${process.pid} ${run}`);
  return found;
}

let isHeard = true;
process.stdout.on('error', () => {
  isHeard = false;
  if (recipe.behaviour !== 'goOn') process.exit(141);
});

const print = (line) =>
  new Promise((done) => {
    if (isHeard) process.stdout.write(line, () => done());
    else done();
  });
const event = (fields) => print(`${JSON.stringify(fields)}\n`);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Text that is different in every run and every place, so that nothing can be taken for something else. */
function textOf(place, bytes) {
  let text = `${run} ${place}:`;
  for (let at = 0; text.length < bytes; at += 1)
    text += ` ${WORDS[(at * 7 + place.length) % WORDS.length]}${at}`;
  return text;
}

function leaveChild(detached) {
  const wait = `setTimeout(() => 0, 600000, ${JSON.stringify(recipe.folder)})`;
  spawn(process.execPath, ['-e', wait], { stdio: ['ignore', 'inherit', 'inherit'], detached }).unref();
}

async function printPiece(at) {
  const command = `measure ${at}`;
  const text = `${textOf(`piece ${at}`, recipe.pieceBytes)}\n`;
  journal({ record: 'piece', command, text });
  const item = {
    id: `item_${at}`,
    type: 'command_execution',
    command,
    aggregated_output: text,
    exit_code: 0,
  };
  await event({ type: 'item.completed', item: { ...item, status: 'completed' } });
}

async function work() {
  const overlaps = whoElseIsHere();
  journal({ record: 'start', run, key: recipe.key, session, pid: process.pid, at: Date.now(), overlaps });
  if (recipe.behaviour === 'stubborn') process.on('SIGINT', () => undefined);
  if (recipe.behaviour === 'child' || recipe.behaviour === 'leave') leaveChild(recipe.behaviour === 'leave');
  await event({ type: 'thread.started', thread_id: session });
  await event({ type: 'turn.started' });
  for (let at = 0; at < recipe.pieces; at += 1) {
    await sleep(recipe.workMs / (recipe.pieces + 1));
    await printPiece(at);
  }
  await sleep(recipe.workMs / (recipe.pieces + 1));
  if (recipe.behaviour === 'fail') {
    await event({ type: 'turn.failed', error: { message: `${run} could not do it` } });
    journal({ record: 'end', at: Date.now() });
    process.exit(1);
  }
  const text = textOf('answer', recipe.pieceBytes);
  journal({ record: 'answer', text });
  await event({ type: 'item.completed', item: { id: 'answer', type: 'agent_message', text } });
  writeFileSync(answerFile, text);
  await event({
    type: 'turn.completed',
    usage: { input_tokens: 1, cached_input_tokens: 0, output_tokens: 1 },
  });
  journal({ record: 'end', at: Date.now() });
  process.exit(0);
}

await work();
