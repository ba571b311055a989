/** Fills an account through the API with everything that pages show: ideas, machines, and jobs in every state. */

const DAY_MS = 24 * 60 * 60_000;

type Json = Record<string, unknown>;

/** A client of the API for one account. It throws if the server refuses a request. */
export class Api {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  // biome-ignore lint/suspicious/noExplicitAny: the answers of a dozen routes, read by a fixture.
  async send(method: string, path: string, body?: Json): Promise<any> {
    const response = await fetch(this.#url + path, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  }

  async prompt(prompt: string, more: Json = {}): Promise<string> {
    return (await this.send('POST', '/api/cli/runner/jobs', { prompt, ...more })).job.id;
  }

  sync(machine: FakeMachine, more: Json = {}): Promise<unknown> {
    const { machineId, machineName, root, ideaId, sessions, policies = [] } = machine;
    const at = new Date().toISOString();
    return this.send('POST', '/api/cli/runner/sync', {
      machineId,
      machineName,
      platform: 'darwin',
      appVersion: '0.5.0',
      syncedAt: at,
      linkedProjects: [
        {
          ideaId,
          ideaTitle: 'Tidal survey',
          projectName: root.split('/').at(-1),
          projectRoot: root,
          lastOpenedAt: at,
        },
      ],
      sessions: sessions.map((label, index) => ({
        ideaId,
        projectRoot: root,
        label,
        state: 'active',
        primary: index === 0,
        orpSessionId: `orp-${label}`,
        codexSessionId: `codex-${machineId}-${label}`,
        lastActiveAt: at,
        ...(policies[index] === undefined ? {} : { policy: policies[index] }),
      })),
      ...more,
    });
  }

  /** Claims and starts the next job of the machine. */
  async take(machineId: string): Promise<Held> {
    const poll = await this.send('GET', `/api/cli/runner/jobs/poll?machineId=${machineId}`);
    if (!poll.job) throw new Error(`${machineId} got no job`);
    const held = { jobId: poll.job.id as string, lease: { machineId, leaseId: poll.leaseId as string } };
    await this.tell(held, 'start', {});
    return held;
  }

  tell({ jobId, lease }: Held, what: string, body: Json): Promise<unknown> {
    return this.send('POST', `/api/cli/runner/jobs/${jobId}/${what}`, { ...lease, ...body });
  }
}

export interface Held {
  jobId: string;
  lease: { machineId: string; leaseId: string };
}

export interface FakeMachine {
  machineId: string;
  machineName: string;
  root: string;
  ideaId: string;
  sessions: string[];
  /** What the policy says about the sessions, in the same order. */
  policies?: Json[];
}

/** The ids of the objects in a full account that have pages. */
export interface FullAccount {
  ideaId: string;
  /** The agent's id of a session with a conversation. */
  sessionId: string;
  reviewId: string;
  doneJobId: string;
  runningJobId: string;
  lostJobId: string;
  failedJobId: string;
  /** A bulk run, if the account is an operator's. */
  runName: string | undefined;
  accountId: string;
  /** The code of a terminal that waits to be signed in. */
  userCode: string;
  /** The pages of one-time links, for people who are not signed in. Empty if the account is not an operator's. */
  linkPaths: { invitation: string; password: string } | undefined;
}

const TEST_RUN = Array.from(
  { length: 60 },
  (_, at) => `\u001b[32m ok\u001b[0m  test/gauge-${at}.test.ts \u001b[2m(${at * 3 + 2} ms)\u001b[0m`,
).join('\n');

/** A hostile text with markup, a bidirectional control, terminal escapes, and a long line. */
export const HOSTILE = `<script>alert(1)</script> \u202egnp.exe \u001b[31mred\u001b[0m\u0007 ${'x'.repeat(300)}`;

export async function fillAccount(
  api: Api,
  markLost: (jobId: string) => Promise<unknown>,
): Promise<FullAccount> {
  const idea = await api.send('POST', '/api/cli/ideas', {
    title: 'Tidal survey',
    notes:
      'Measure the tide at four gauges along the estuary.\n\n1. Calibrate.\n2. Log every minute.\n3. Publish a weekly chart.',
  });
  const maps = await api.send('POST', '/api/cli/ideas', {
    title: 'Offline maps for the harbor',
    notes: 'Ship vector tiles.',
    githubUrl: 'https://github.com/mira/harbor',
  });
  const removed = await api.send('POST', '/api/cli/ideas', { title: 'Paper logbook', notes: 'Old.' });
  await api.send('DELETE', `/api/cli/ideas/${removed.id}`);
  for (const title of ['Calibrate gauges', 'Weekly chart']) {
    await api.send('POST', `/api/cli/ideas/${idea.id}/features`, {
      title,
      notes: 'In two steps.',
      starred: title.startsWith('C'),
      details: [{ label: 'How', body: 'Compare with the reference gauge at slack water.' }],
    });
  }
  const root = '/Users/mira/code/tidal-survey';
  await api.send('PUT', `/api/cli/ideas/${idea.id}/world`, { name: 'survey', projectRoot: root });
  const laptop = { machineId: 'm-1', machineName: "Mira's MacBook Pro", root, ideaId: idea.id };
  const policies = [{ outcome: 'allow' }, { outcome: 'deny', rule: 'sessions' }];
  await api.sync({ ...laptop, sessions: ['main', 'charts'], policies });
  const mapsRoot = '/Users/mira/code/harbor-maps';
  const mini = { machineId: 'm-2', machineName: 'studio-mini', root: mapsRoot, ideaId: maps.id };
  await api.sync({ ...mini, sessions: ['main'] });

  const doneJobId = await finishedJob(api, root);
  await api.prompt(HOSTILE, { machineId: 'm-2', projectRoot: mapsRoot });
  const failed = await api.take('m-2');
  const error = 'The agent ended with exit code 1: no such model.';
  await api.tell(failed, 'complete', { success: false, error });
  const chart = 'Draw the weekly chart for the harbor office and mail it to nobody.';
  await api.prompt(chart, { machineId: 'm-2', projectRoot: mapsRoot });
  const running = await api.take('m-2');
  await api.tell(running, 'messages', {
    seq: 1,
    content: 'Reading the tiles of the last week.',
    sender: 'agent',
  });
  await api.tell(running, 'logs', {
    chunks: [{ seq: 2, stream: 'stdout', text: '$ ls tiles\n0 1 2 3 4 5\n' }],
  });
  await api.prompt('Then publish it.', { machineId: 'm-2', projectRoot: mapsRoot, priority: 5 });
  await api.prompt('Tidy the README of a repository that no machine has.', {
    projectRoot: '/Users/mira/code/nowhere',
  });
  const tonight = new Date(Date.now() + DAY_MS / 4).toISOString();
  await api.prompt('Tonight: repeat the entire survey.', { machineId: 'm-1', notBefore: tonight });
  const cancelled = await api.prompt('Delete everything', { machineId: 'm-1' });
  await api.send('POST', `/api/cli/runner/jobs/${cancelled}/cancel`, { reason: 'Sent by mistake' });
  const importer = 'Rewrite the importer for the new gauge firmware.';
  await api.prompt(importer, { machineId: 'm-1', projectRoot: root, orpSessionId: 'orp-charts' });
  const lost = await api.take('m-1');
  await markLost(lost.jobId);
  await inTrouble(api, idea.id);
  const reviewId = await reviews(api, idea.id);
  await nearLimits(api);
  return {
    ideaId: idea.id,
    sessionId: 'codex-m-1-main',
    reviewId,
    doneJobId,
    runningJobId: running.jobId,
    lostJobId: lost.jobId,
    failedJobId: failed.jobId,
    runName: await bulkRun(api),
    accountId: (await api.send('GET', '/api/cli/me')).user.id,
    userCode: (await api.send('POST', '/api/auth/device/code', { deviceName: "Noor's MacBook Air" }))
      .userCode,
    linkPaths: await oneTimeLinks(api),
  };
}

/** A third machine: an older version, with results that the server has not taken. */
async function inTrouble(api: Api, ideaId: string): Promise<void> {
  const [machineId, machineName] = ['m-3', 'harbor-rack-\u202e07 <b>'];
  const root = '/srv/harbor';
  await api.sync(
    { machineId, machineName, root, ideaId, sessions: [] },
    { platform: 'linux', appVersion: '0.4.4' },
  );
  const oldestAt = new Date(Date.now() - DAY_MS / 8).toISOString();
  await api.send('POST', '/api/cli/runner/heartbeat', {
    machineId,
    machineName,
    spool: { leases: 3, bytes: 1_840_000, oldestAt },
    agent: { way: 'shared_server', version: '0.150.0' },
  });
}

/** Limits that the account has reached, or almost. */
async function nearLimits(api: Api): Promise<void> {
  const { user } = await api.send('GET', '/api/cli/me');
  if (user.role !== 'operator') return;
  await api.send('PATCH', `/api/admin/accounts/${user.id}/limits`, {
    limits: { features: 2, queuedJobs: 10_000 },
    reason: 'A small plan.',
  });
}

async function oneTimeLinks(api: Api): Promise<FullAccount['linkPaths']> {
  const { user } = await api.send('GET', '/api/cli/me');
  if (user.role !== 'operator') return undefined;
  const pathOf = (made: { url: string }) => made.url.slice(new URL(made.url).origin.length);
  const invitation = await api.send('POST', '/api/admin/invitations', { email: 'noor@orp.test' });
  const password = await api.send('POST', `/api/admin/accounts/${user.id}/password-link`, {});
  return { invitation: pathOf(invitation), password: pathOf(password) };
}

/** A run that has done nothing yet. */
async function bulkRun(api: Api): Promise<string | undefined> {
  if ((await api.send('GET', '/api/cli/me')).user.role !== 'operator') return undefined;
  // No job is for this idea: whoever watches the run changes nothing.
  const order = { action: 'cancel', filter: { ideaId: 'ide_withdrawn', status: 'queued' } };
  const name = 'withdrawn-survey';
  await api.send('POST', '/api/admin/bulk', {
    ...order,
    name,
    count: 3,
    reason: 'The survey was withdrawn.',
  });
  return name;
}

async function finishedJob(api: Api, root: string): Promise<string> {
  const prompt =
    'Calibrate the north gauge against the reference and write the offset into gauges.json. Run the tests afterwards.';
  await api.prompt(prompt, { machineId: 'm-1', projectRoot: root });
  const held = await api.take('m-1');
  const say = (seq: number, content: string) => api.tell(held, 'messages', { seq, content, sender: 'agent' });
  await say(
    1,
    'I will compare the last 24 hours of the north gauge with the reference, then write the offset.',
  );
  const compared =
    '$ python compare.py --gauge north\n\u001b[1mnorth\u001b[0m  offset \u001b[33m+3.2 cm\u001b[0m (n=1440)\n';
  await api.tell(held, 'logs', {
    chunks: [
      { seq: 2, stream: 'stdout', text: compared },
      { seq: 3, stream: 'stdout', text: `$ npm test\n${TEST_RUN}\n` },
      { seq: 4, stream: 'stderr', text: 'warning: gauge south has not reported for 2 h\n' },
    ],
  });
  await say(5, 'The offset is +3.2 cm. gauges.json is updated and all 60 tests pass.');
  await api.tell(held, 'complete', {
    success: true,
    summary: 'Offset of the north gauge is +3.2 cm; gauges.json updated.',
    content:
      'The north gauge reads **3.2 cm too high**. I wrote the offset into [gauges.json](src/gauges.json:12):\n\n```json\n{ "north": { "offsetCm": -3.2 } }\n```\n\nWhat I checked:\n\n- all 60 tests pass, with `npm test`\n- the south gauge has not reported for two hours\n  1. its modem answers\n  2. its clock is wrong',
  });
  return held.jobId;
}

async function reviews(api: Api, ideaId: string): Promise<string> {
  const queued = await api.send('POST', `/api/cli/ideas/${ideaId}/checkpoints`, { contextSelection: {} });
  const held = await api.take('m-1');
  await api.tell(held, 'complete', {
    success: true,
    summary: 'The plan holds.',
    content:
      '## Previous state\nThree gauges.\n\n## Current state\nFour gauges report.\n\n## Heading state\nA weekly chart.\n\n## Review notes\n- The modem of the south gauge.\n\n## Action items\n1. Replace it.\n',
  });
  await api.send('POST', `/api/cli/ideas/${ideaId}/checkpoints`, { contextSelection: {} });
  return queued.id;
}
