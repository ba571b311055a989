/** `orp agent work` against services of any age: what it takes for a job, and that no answer is lost. */

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentService } from '../../../../cli/runner/review-worker/hosted.ts';
import { newestServer } from '../../../support/known-server.ts';
import { type Answer, type Asked, RecordingServer } from '../../recording-server.ts';
import { isAlive, until } from '../job/conditions.ts';
import { type LinkedMachine, linkedMachine } from '../linked-machine.ts';
import { RECIPE_AGENT, runOrp, startOrp } from '../orp-process.ts';
import { endLeftAgents } from '../process/left-agents.ts';

let server: RecordingServer;
let machine: LinkedMachine;

beforeEach(async () => {
  server = await RecordingServer.start(() => ({ body: {} }));
  machine = linkedMachine(server.url);
});

afterEach(async () => {
  endLeftAgents(machine.home);
  await server[Symbol.asyncDispose]();
  machine.remove();
});

async function agentWork(...words: string[]) {
  const all = [
    'agent',
    'work',
    '--agent',
    'survey',
    '--once',
    '--json',
    '--codex-bin',
    RECIPE_AGENT,
    ...words,
  ];
  const end = await runOrp(all, { cwd: machine.repo, env: machine.env });
  return { ...end, document: end.stdout === '' ? undefined : JSON.parse(end.stdout) };
}

function review(overrides: object = {}) {
  return {
    id: 'job_8',
    kind: 'idea.checkpoint',
    prompt: 'Review.',
    world: { id: 'wor_3', projectRoot: machine.repo, codexSessionId: 'codex-1' },
    checkpoint: { id: 'chk_31' },
    ...overrides,
  };
}

const SHOWN = { id: 'job_8', status: 'running', leaseId: 'lea_7', checkpointId: 'chk_31' };

/** Answers like our own service: the dry run takes nothing. */
function handingOut(
  job: object,
  respond: (asked: Asked) => Answer = () => ({ body: { ok: true, id: 'rsp_1' } }),
) {
  let isTaken = false;
  server.announce({ without: ['claim-post'] });
  server.answer((asked) => {
    if (asked.path.endsWith('/respond')) return respond(asked);
    if (asked.path.endsWith('/runner/jobs/job_8')) return { body: { job: SHOWN } };
    if (!asked.path.endsWith('/agent/jobs/poll') || isTaken) return { body: {} };
    if (asked.query.includes('dryRun=1')) return { body: { job, dryRun: true } };
    isTaken = true;
    return { body: { job, leaseId: 'lea_7' } };
  });
}

function responses() {
  return server.asked.filter(({ path }) => path.endsWith('/respond')).map(({ body }) => body);
}

function spools(): string[] {
  const folder = join(machine.home, 'state/orp/spool/agent-work-mach-1');
  return existsSync(folder) ? readdirSync(folder) : [];
}

describe('orp agent work', () => {
  it.each([
    ['an empty object', { body: {} }],
    ['nothing', { status: 204 }],
    ['job: null', { body: { job: null } }],
    ['ok alone', { body: { ok: true } }],
  ] as const)('takes %s for nothing to do', async (_, answer) => {
    server.answer(() => answer);
    const { code, document } = await agentWork();
    expect(code).toBe(0);
    expect(document).toEqual({
      ok: true,
      claimed: false,
      job: null,
      compatibility: { mode: 'legacy-agent-filter', legacy_fallback: true },
    });
  });

  it('asks for nothing while the policy lets nothing run, and says so', async () => {
    const spans = [{ from: '00:00', to: '24:00' }];
    const policy = { schema_version: '1.0.0', quiet_hours: spans };
    writeFileSync(join(machine.home, 'config/orp/policy.json'), JSON.stringify(policy));
    const { code, stderr } = await agentWork();
    expect([code, JSON.parse(stderr).code]).toEqual([2, 'claiming_paused']);
    expect(server.asked).toEqual([]);
  });

  it('tells people why it uses the v0.4.4 protocol', async () => {
    const words = ['--repo-root', machine.home, 'agent', 'work', '--once', '--codex-bin', RECIPE_AGENT];
    const { stdout, stderr } = await runOrp(words, { cwd: machine.home, env: machine.env });
    expect(stdout).toBe('job.claimed=false\njob.status=idle\n');
    expect(stderr).toBe(
      `Taking reviews only, with the v0.4.4 protocol: No git repository at ${machine.home}.\n`,
    );
  });

  it('asks with its selector, looks before it takes, and answers under the lease', async () => {
    handingOut(review());
    const { code, document } = await agentWork();
    expect(code).toBe(0);
    expect(document).toMatchObject({ response: { id: 'rsp_1' }, worker: { exitCode: 0 } });
    const polls = server.asked
      .filter(({ path }) => path.endsWith('/poll'))
      .map(({ query }) => new URLSearchParams(query));
    expect(polls.map((query) => [query.get('agent'), query.get('dryRun'), query.get('projectRoot')])).toEqual(
      [
        ['survey', '1', null],
        ['survey', null, machine.repo],
      ],
    );
    expect(responses()).toEqual([
      {
        summary: 'You said: Review.',
        body: 'You said: Review.',
        structuredOutput: {
          previousState: null,
          currentState: null,
          headingState: null,
          reviewNotes: [],
          actionItems: [],
        },
        worker: {
          command: expect.stringMatching(/ exec .* resume /),
          exitCode: 0,
          stdout: expect.any(String),
          stderr: '',
          ok: true,
        },
        leaseId: 'lea_7',
      },
    ]);
    expect(spools()).toEqual([]);
  });

  it('repeats its answer until the service takes it', async () => {
    let failures = 2;
    handingOut(review(), () =>
      failures-- > 0 ? { status: 503, body: { error: 'Busy.' } } : { body: { ok: true, id: 'rsp_1' } },
    );
    expect((await agentWork()).code).toBe(0);
    expect(responses()).toHaveLength(3);
    expect(new Set(responses().map((body) => JSON.stringify(body))).size).toBe(1);
  });

  it('says of a failed agent that it failed, and ends with 1', async () => {
    handingOut(review({ prompt: JSON.stringify({ stderr: ['Out of quota.'], exit: 3 }) }));
    const { code, document } = await agentWork();
    expect({ code, ok: document.ok }).toEqual({ code: 1, ok: false });
    expect(responses()).toMatchObject([
      { worker: { ok: false, exitCode: 3, stderr: expect.stringContaining('quota') } },
    ]);
  });

  it.each([
    ['a repository that is not here', { world: { projectRoot: '/nowhere/x', codexSessionId: 'codex-1' } }],
    ['a session that is an option', { world: { projectRoot: '/nowhere/x', codexSessionId: '--yolo' } }],
  ])('leaves %s in the queue', async (_, overrides) => {
    server.announce({ without: ['claim-post'] });
    server.answer(({ query }) =>
      query.includes('notProjectRoot') ? { body: {} } : { body: { job: review(overrides), dryRun: true } },
    );
    const { code, document, stderr } = await agentWork();
    expect({ code, claimed: document.claimed }).toEqual({ code: 0, claimed: false });
    expect(stderr).toContain('stays in the queue');
    expect(server.asked.every(({ query }) => query.includes('dryRun=1'))).toBe(true);
  });

  it('works what a service without dry runs has handed out', async () => {
    server.answer(({ path }) =>
      path.endsWith('/respond')
        ? { body: { id: 'rsp_1' } }
        : path.endsWith('/poll')
          ? { body: { job: review() } }
          : { status: 404 },
    );
    expect((await agentWork()).document).toMatchObject({ claimed: true, response: { id: 'rsp_1' } });
    expect(server.asked.filter(({ path }) => path.endsWith('/poll'))).toHaveLength(1);
  });

  it('answers what such a service handed out though it cannot run here', async () => {
    const job = review({ world: { projectRoot: '/nowhere/x', codexSessionId: 'codex-1' } });
    server.answer(({ path }) => (path.endsWith('/poll') ? { body: { job } } : { body: { id: 'rsp_1' } }));
    const { code, stderr } = await agentWork();
    expect(code).toBe(2);
    expect(stderr).toContain('not on this machine');
    expect(responses()).toMatchObject([
      { worker: { ok: false, stderr: expect.stringContaining('/nowhere/x') } },
    ]);
  });
});

describe('orp agent work under a policy', () => {
  const journal = () => join(machine.home, 'journal');
  const allowed = () => join(machine.home, 'allowed');

  beforeEach(() => {
    mkdirSync(allowed());
    symlinkSync(machine.repo, join(allowed(), 'alias'));
    const policy = { schema_version: '1.0.0', repositories: [`${allowed()}/**`] };
    writeFileSync(join(machine.home, 'config/orp/policy.json'), JSON.stringify(policy));
  });

  it.each(['..//repo', '../allowed/../repo', 'alias', 'alias/'])(
    'does not leave the allowed folders by %s',
    async (way) => {
      const projectRoot = `${allowed()}/${way}`;
      const world = { id: 'wor_3', projectRoot, codexSessionId: 'codex-1' };
      handingOut(review({ world, prompt: JSON.stringify({ journal: journal(), say: 'Escaped.' }) }));
      const { code } = await agentWork();
      expect(code).toBe(1);
      expect(responses()).toMatchObject([
        { worker: { ok: false, stderr: expect.stringContaining('(rule repositories)') } },
      ]);
      expect(existsSync(journal())).toBe(false);
      // The service is asked in its own words, or it would not know the review again.
      expect(
        server.asked.some(({ query }) => new URLSearchParams(query).get('projectRoot') === projectRoot),
      ).toBe(true);
    },
  );

  it('runs in the folder that the policy looked at, however the service spells it', async () => {
    const inner = join(allowed(), 'inner');
    cpSync(machine.repo, inner, { recursive: true });
    const link = join(inner, '.git/orp/link');
    for (const file of [
      'project.json',
      ...readdirSync(join(link, 'sessions')).map((name) => `sessions/${name}`),
    ]) {
      const record = JSON.parse(readFileSync(join(link, file), 'utf8'));
      writeFileSync(join(link, file), JSON.stringify({ ...record, project_root: inner }));
    }
    // To the system this is the parent of the repository; to the policy it is the allowed folder.
    const world = { id: 'wor_3', projectRoot: `${allowed()}/alias/../inner`, codexSessionId: 'codex-1' };
    handingOut(review({ world, prompt: JSON.stringify({ ready: 'was-here', say: 'Done.' }) }));
    expect((await agentWork()).code).toBe(0);
    expect(existsSync(join(inner, 'was-here'))).toBe(true);
  });
});

describe('orp agent work without --once', () => {
  function start(...words: string[]) {
    const all = ['agent', 'work', '--json', '--poll-interval', '1', '--codex-bin', RECIPE_AGENT, ...words];
    return startOrp(all, { cwd: machine.repo, env: machine.env });
  }

  it('survives an outage, answers a review, and leaves on SIGTERM', async () => {
    let isDown = true;
    let isTaken = false;
    server.announce({ without: ['claim-post'] });
    server.answer(({ path, query }) => {
      if (isDown) return { status: 503, body: { error: 'Busy.' } };
      if (path.endsWith('/respond')) return { body: { ok: true, id: 'rsp_1' } };
      if (!path.endsWith('/poll') || isTaken) return { body: {} };
      if (query.includes('dryRun=1')) return { body: { job: review(), dryRun: true } };
      isTaken = true;
      return { body: { job: review(), leaseId: 'lea_7' } };
    });
    const orp = start('--agent', 'survey');
    await until(() => orp.output.stderr.includes('Retrying'));
    const before = server.asked.length;
    await until(() => server.asked.length > before * 2);
    isDown = false;
    await until(() => responses().length === 1 && orp.output.stdout.includes('"claimed":true'));
    orp.child.kill('SIGTERM');
    const { code, stdout, stderr } = await orp.ended;
    expect(code).toBe(0);
    // Told once, however long it lasts.
    expect(stderr.match(/Retrying/g)).toHaveLength(1);
    for (const line of stdout.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
  });

  it('after kill -9 answers truthfully for the review it was at', async () => {
    const journal = join(machine.home, 'journal');
    handingOut(review({ prompt: JSON.stringify({ journal, hang: true }) }));
    const orp = start('--agent', 'survey');
    await until(() => existsSync(journal));
    orp.child.kill('SIGKILL');
    await orp.ended;
    expect(spools()).toHaveLength(1);

    expect((await agentWork()).code).toBe(0);
    expect(responses()).toMatchObject([
      { leaseId: 'lea_7', worker: { ok: false, stderr: expect.stringContaining('agent did is unknown') } },
    ]);
    expect(spools()).toEqual([]);
    const pid = Number(readFileSync(journal, 'utf8').split(' ')[1]);
    expect(await isAlive(pid)).toBe(false);
  });

  it('gives its place to the runner as soon as that can work', async () => {
    const config = join(machine.home, 'config/orp/machine.json');
    const enable = (isEnabled: boolean) =>
      writeFileSync(
        config,
        JSON.stringify({ ...JSON.parse(readFileSync(config, 'utf8')), runner_enabled: isEnabled }),
      );
    enable(false);
    server.answer(() => ({ body: {} }));
    const orp = start('--transport', 'poll');
    const mode = (name: string) => until(() => orp.output.stdout.includes(`"mode":"${name}"`));
    await mode('legacy-checkpoint-fallback');
    enable(true);
    await mode('runner-primary');
    orp.child.kill('SIGTERM');
    expect((await orp.ended).code).toBe(0);
  });
});

describe('a review at work', () => {
  const held = { jobId: 'job_8', leaseId: 'lea_7' };

  function serviceOf(account?: { userId: string; email: string }) {
    const client = {
      ...(account === undefined ? {} : { account }),
      baseUrl: server.url,
      token: 'dvt_1',
      headers: {},
      timeoutMs: 5000,
      retry: { tries: 1, firstMs: 0, limitMs: 0 },
      server: newestServer(),
      sleep: async () => undefined,
      random: () => 0,
    };
    return agentService({ baseUrl: server.url, connect: async () => client });
  }

  it.each([
    [{ status: 'running', leaseId: 'lea_7' }, 'continue'],
    [{ status: 'cancelled', leaseId: 'lea_7' }, 'stop'],
    [{ status: 'running', leaseId: 'lea_8' }, 'stop'],
    [{ status: 'queued' }, 'stop'],
  ])('asks after itself, and of %j makes: %s', async (job, action) => {
    server.answer(() => ({ body: { ok: true, job: { id: 'job_8', ...job } } }));
    expect(await serviceOf().heartbeat(held, false)).toMatchObject({
      kind: 'ok',
      value: { verdict: { action } },
    });
  });

  it('goes on where the service cannot be asked', async () => {
    server.answer(() => ({ status: 404, body: { error: 'No.', code: 'not_found', requestId: 'req_1' } }));
    const reply = await serviceOf().heartbeat(held, false);
    expect(reply).toEqual({ kind: 'ok', value: { body: {}, drain: false } });
  });

  it('says nothing while another account is signed in', async () => {
    const asked = server.asked.length;
    const theirs = { ...held, account: { userId: 'usr_mira', email: 'mira@example.org' } };
    const service = serviceOf({ userId: 'usr_kai', email: 'kai@example.org' });
    const report = { success: true, summary: 'Done.', content: 'Done.', error: null };
    for (const reply of [await service.heartbeat(theirs, false), await service.complete(theirs, report)]) {
      expect(reply).toMatchObject({ kind: 'unauthenticated', message: expect.stringContaining('mira@') });
    }
    expect(server.asked.length).toBe(asked);
  });

  it('finds its checkpoint again after a restart', async () => {
    server.answer(({ path }) =>
      path.endsWith('/respond')
        ? { body: { id: 'rsp_1' } }
        : { body: { job: { id: 'job_8', checkpointId: 'chk_31' } } },
    );
    const report = { success: false, summary: null, content: null, error: 'Unknown.' };
    expect(await serviceOf().complete(held, report)).toMatchObject({ kind: 'ok', value: { id: 'rsp_1' } });
    expect(server.asked.at(-1)?.path).toBe('/api/cli/checkpoints/chk_31/respond');
  });
});
