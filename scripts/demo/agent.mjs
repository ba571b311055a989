#!/usr/bin/env node
/**
 * A demonstration agent. It supports the command line of `codex exec --json`, stores every session in a file, reads the repository
 * with git, and says that it is not a language model. It is plain JavaScript, so that any Node >= 20 can run it.
 *
 *   agent.mjs exec [--skip-git-repo-check] [--json] [--output-last-message FILE] [--profile=NAME] [-c SETTING] [resume SESSION] -
 */

import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const SESSION_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$/;
const FLAGS = new Set(['--skip-git-repo-check', '--json']);
const USAGE = 'usage: agent.mjs exec [--json] [--output-last-message FILE] [resume SESSION] -';

function fail(sentence) {
  console.error(`Error: ${sentence}`);
  process.exit(1);
}

function readArguments(argv) {
  if (argv[0] !== 'exec') fail(USAGE);
  const settings = {
    resume: false,
    json: argv.includes('--json'),
    lastMessageFile: undefined,
    session: undefined,
  };
  const words = [];
  const rest = argv.slice(1);
  for (let at = 0; at < rest.length; at += 1) {
    if (rest[at] === '--output-last-message') {
      at += 1;
      settings.lastMessageFile = rest[at];
    } else if (rest[at] === '-c') {
      // Ignore settings of Codex such as the sandbox, because this agent changes no files.
      at += 1;
    } else if (!FLAGS.has(rest[at]) && !rest[at].startsWith('--profile=')) words.push(rest[at]);
  }
  settings.resume = words[0] === 'resume';
  if (words.at(-1) !== '-' || words.length !== (settings.resume ? 3 : 1)) fail(USAGE);
  if (settings.resume) settings.session = words[1];
  return settings;
}

function sessionFile(id) {
  if (!SESSION_ID.test(id)) fail(`"${id}" is not a session id.`);
  const folder = join(process.env.DEMO_AGENT_HOME ?? join(userInfo().homedir, '.orp-demo-agent'), 'sessions');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return join(folder, `${encodeURIComponent(id)}.jsonl`);
}

function readTurns(file) {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line));
}

function git(...args) {
  const done = spawnSync('git', args, { encoding: 'utf8' });
  return { command: `git ${args.join(' ')}`, output: done.stdout ?? '', exitCode: done.status ?? 1 };
}

function firstLine(prompt) {
  return (
    prompt
      .split('\n')
      .map((line) => line.trim())
      .find(Boolean) ?? ''
  );
}

/** Reads facts about the repository. The agent knows only these facts and the conversation. */
function lookAround() {
  const files = git('ls-files');
  const head = git('log', '--oneline', '-1');
  const count = files.output.split('\n').filter(Boolean).length;
  const commit = head.exitCode === 0 ? head.output.trim() : 'no commit yet';
  return { commands: [files, head], sentence: `${count} file(s) under git, last commit: ${commit}.` };
}

function review(turns, seen) {
  const before = turns.at(-1)?.prompt;
  return `## Previous state
${before ? `This session was asked before: ${firstLine(before)}` : 'This session is new.'}

## Current state
The repository holds ${seen}

## Heading state
The way from a queued review to a written answer works on this machine.

## Review notes
- This was written by the demonstration agent of ORP Runner, not by a language model.

## Action items
1. Link a real Codex session and queue the review again.`;
}

function answer(prompt, turns, seen) {
  if (/current state/i.test(prompt) && /action items/i.test(prompt)) return review(turns, seen);
  const memory = turns.length
    ? `This is turn ${turns.length + 1} of this session; before, I was asked: ${turns.map((turn) => `“${firstLine(turn.prompt)}”`).join(', ')}.`
    : 'This is the first turn of this session.';
  return `I am the demonstration agent of ORP Runner, not a language model. I was asked: “${firstLine(prompt)}”
${memory}
The repository holds ${seen}`;
}

async function main() {
  const settings = readArguments(process.argv.slice(2));
  const id = settings.session ?? randomUUID();
  const file = sessionFile(id);
  if (settings.resume && !existsSync(file)) fail(`no session ${id} was found.`);
  const emit = (event) => settings.json && console.log(JSON.stringify(event));
  emit({ type: 'thread.started', thread_id: id });

  const prompt = (await text(process.stdin)).trim();
  if (prompt === '') fail('no prompt was given on stdin.');
  const turns = settings.resume ? readTurns(file) : [];
  emit({ type: 'turn.started' });

  let item = 0;
  const seen = lookAround();
  for (const { command, output, exitCode } of seen.commands) {
    const done = { id: `item_${item}`, type: 'command_execution', command, aggregated_output: output };
    emit({
      type: 'item.started',
      item: { ...done, aggregated_output: '', exit_code: null, status: 'in_progress' },
    });
    const status = exitCode === 0 ? 'completed' : 'failed';
    emit({ type: 'item.completed', item: { ...done, exit_code: exitCode, status } });
    item += 1;
  }

  const said = answer(prompt, turns, seen.sentence);
  appendFileSync(file, `${JSON.stringify({ prompt, said })}\n`, { mode: 0o600 });
  emit({ type: 'item.completed', item: { id: `item_${item}`, type: 'agent_message', text: said } });
  emit({ type: 'turn.completed', usage: { input_tokens: 0, cached_input_tokens: 0, output_tokens: 0 } });
  if (settings.lastMessageFile) writeFileSync(settings.lastMessageFile, said);
  if (!settings.json) console.log(said);
}

await main();
