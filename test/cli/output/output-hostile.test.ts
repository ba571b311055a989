/** A hostile server: control characters in every text of every answer. None of them reaches a terminal, in any command. */

import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { TextOutput } from '../../../cli/output/text-output.ts';
import { DOCUMENTS } from '../../contract/cli-documents.ts';
import { answerAsServer, arrange } from '../../contract/cli-situations.ts';
import { A_JOB } from '../a-job.ts';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';
import { MAIN } from '../runner/orp-process.ts';
import { EVIL, poison, STEERING, steering, WORDS } from './hostile.ts';
import { openTerminal } from './terminal.ts';

const JOB = {
  ...A_JOB,
  status: 'completed',
  attempt: 1,
  target: { machineId: 'm', projectRoot: '/r', orpSessionId: 's', codexSessionId: 'c' },
  createdBy: 'mira@example.test',
  summary: 'Done.',
  error: 'no',
  orpSessionId: 'main',
  promptStart: 'Count',
  waiting: { code: 'next_poll', message: 'It waits.', since: '2026-04-01T10:00:00.000Z' },
  cancel: { at: '2026-04-01T10:00:00.000Z', by: 'mira', reason: 'no' },
};
const ATTEMPT = {
  attempt: 1,
  claimedAt: JOB.createdAt,
  machineId: 'm',
  projectRoot: '/r',
  error: 'no',
  leaseId: 'l',
};
const STORY = { ...JOB, prompt: 'Count.', content: 'Answer.', attempts: [ATTEMPT], events: [] };
const ENTRY = {
  attempt: 1,
  seq: 1,
  cursor: '1-1',
  at: JOB.createdAt,
  type: 'log',
  stream: 'stdout',
  level: 'info',
  text: 'output',
};

const IDEA = {
  id: 'ide_1',
  title: 'Tides',
  notes: 'n',
  visibility: 'private',
  createdAt: JOB.createdAt,
  updatedAt: JOB.createdAt,
};
const MACHINE = {
  id: 'm',
  name: 'workbench',
  lastSeenAt: JOB.createdAt,
  draining: true,
  listening: { transport: 'ws', instance: 'i', since: JOB.createdAt },
};

const ROUTES: [RegExp, string, unknown][] = [
  [/\/ideas$/, 'POST', { ...IDEA, idea: IDEA }],
  [/\/ideas\/[^/]+$/, 'PATCH', { ...IDEA, idea: IDEA }],
  [/\/restore$/, 'POST', { ...IDEA, idea: IDEA }],
  [/\/machines\/[^/]+$/, 'GET', { ok: true, machine: MACHINE }],
  [
    /\/checkpoints$/,
    'POST',
    { ok: true, id: 'chk_1', status: 'queued', ideaId: 'ide_1', jobId: 'job_1', note: 'No.' },
  ],
  [
    /\/ideas$/,
    'GET',
    {
      ideas: [{ id: 'ide_1', title: 'Tides' }],
      hasMore: true,
      nextCursor: 'c',
      sort: 'updated_desc',
      limit: 25,
    },
  ],
  [
    /\/transcript$/,
    'GET',
    { ok: true, entries: [ENTRY], nextCursor: '1-1', hasMore: false, status: 'completed' },
  ],
  [/\/jobs\/[^/]+$/, 'GET', { ok: true, job: STORY }],
  [/\/jobs$/, 'GET', { ok: true, jobs: [JOB], nextCursor: 'job_0', hasMore: true }],
  [/\/jobs$/, 'POST', { ok: true, job: JOB, created: true }],
  [/\/(cancel|retry)$/, 'POST', { ok: true, job: JOB, warning: 'It may run twice.' }],
  [/\/drain$/, 'PUT', { ok: true, machine: { id: 'm', name: 'workbench', draining: true }, changed: true }],
];

const COMMANDS = [
  ...new Set(DOCUMENTS.filter(({ given }) => given === 'linked').map(({ command }) => command)),
  'job list',
  'job show job_1',
  'job logs job_1',
  'job wait job_1',
  'job cancel job_1',
  'job retry job_1',
  'job submit Count --anywhere',
  'runner cancel job_1',
  'runner drain',
  'runner status --hosted',
];

/** Answers in the newest form, every text poisoned. */
function hostile(method: string, path: string): unknown {
  const job = ROUTES.find(([pattern, verb]) => verb === method && pattern.test(path));
  const body = job?.[2] ?? answerAsServer('')({ method, path } as never).body;
  // An answer about another job than the one that was asked about is not believed at all.
  return poison(body, path.includes('/jobs/') ? [...WORDS, 'id'] : WORDS);
}

async function typedIn(words: string, refuses: boolean): Promise<string> {
  await using server = await RecordingServer.startNewest(({ method, path }) => {
    if (!refuses) return { body: { ok: true, ...(hostile(method, path) as object) } };
    const refusal = {
      error: `No.${EVIL}`,
      code: 'not_found',
      requestId: `req${EVIL}`,
      hint: `Do not.${EVIL}`,
    };
    return { status: 404, body: refusal };
  });
  using desk = new Desk();
  await arrange(desk, 'linked', server.url);
  delete desk.env.NO_COLOR;
  const terminal = openTerminal([process.execPath, MAIN, ...words.split(' ')], {
    cwd: desk.repo,
    env: desk.env,
  });
  await terminal.ended;
  return terminal.output;
}

describe.each(COMMANDS)('a hostile server cannot steer the terminal of `orp %s`', (command) => {
  it.each([
    ['answers', command, false],
    ['answers as JSON', `${command} --json`, false],
    ['refuses', command, true],
  ])('when it %s', async (_how, words, refuses) => {
    const output = await typedIn(words, refuses);
    expect(output).not.toContain('Something between here and the server');
    expect(steering(output)).toBeUndefined();
  });
});

describe('what is written', () => {
  it('is escaped so that JSON reads the same characters back', () => {
    let text = '';
    const device = new Writable({
      write(chunk: Buffer, _encoding, done) {
        text += chunk;
        done();
      },
    });
    const output = new TextOutput(device, {});
    output.write(`${JSON.stringify({ said: EVIL })}\n`);
    expect(text.trimEnd()).not.toMatch(STEERING);
    expect(JSON.parse(text)).toEqual({ said: EVIL });
  });
});
