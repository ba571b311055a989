#!/usr/bin/env node
/**
 * Stands for wrangler: notes every call in `calls.ndjson` of the folder `FAKE_WRANGLER`, and answers from `state.json` there.
 * `fails` in the state names commands that fail.
 */

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.env.FAKE_WRANGLER;
const args = process.argv.slice(2);
const statePath = join(folder, 'state.json');
const state = JSON.parse(readFileSync(statePath, 'utf8'));
appendFileSync(join(folder, 'calls.ndjson'), `${JSON.stringify(args)}\n`);

const command = args
  .filter((word) => !word.startsWith('-'))
  .slice(0, 3)
  .join(' ');
const asked = (name) => command === name || command.startsWith(`${name} `);
const failing = Object.entries(state.fails ?? {}).find(([name]) => asked(name));
if (failing) {
  console.error(failing[1]);
  process.exit(1);
}

if (asked('whoami') && !state.signedIn) process.exit(1);
else if (asked('d1 list')) console.log(JSON.stringify(state.databases));
else if (asked('d1 create')) {
  state.databases.push({ name: args[2], uuid: '11111111-2222-4333-8444-555555555555' });
  writeFileSync(statePath, JSON.stringify(state));
} else if (asked('d1 info')) console.log(JSON.stringify({ running_in_region: state.region ?? null }));
else if (asked('d1 time-travel')) console.log(JSON.stringify({ bookmark: '0000-before' }));
else if (asked('secret list')) console.log(JSON.stringify(state.secrets.map((name) => ({ name }))));
else if (asked('versions list')) console.log(JSON.stringify(state.versions));
else if (asked('deployments list')) console.log(JSON.stringify(state.deployments));
else if (asked('d1 execute')) console.log(JSON.stringify([{ results: [{ hash: 'made' }] }]));
else if (asked('deploy')) {
  const entry = { type: 'deploy', version_id: 'version-new', targets: [state.url] };
  writeFileSync(
    process.env.WRANGLER_OUTPUT_FILE_PATH,
    `${JSON.stringify({ type: 'other' })}\n${JSON.stringify(entry)}\n`,
  );
}
