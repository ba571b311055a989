/** Valid bodies, and what somebody with bad intentions makes of them. */

import fc from 'fast-check';
import { claimReview, respondCheckpoint } from '../../../spec/contract/agent.ts';
import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import { addFeature, addIdea, putWorld, queueCheckpoint, updateIdea } from '../../../spec/contract/ideas.ts';
import { cancelJob, enqueueJob, retryJob } from '../../../spec/contract/jobs.ts';
import { drainMachine } from '../../../spec/contract/machines.ts';
import {
  addLogs,
  addMessage,
  claimJob,
  completeJob,
  heartbeat,
  releaseJob,
  startJob,
  syncMachine,
} from '../../../spec/contract/runner.ts';
import { pathOf } from './call.ts';
import type { Machine } from './machines.ts';

/** What a body may name. */
export interface Target extends Machine {
  jobId: string;
  at: string;
}

interface Body {
  row: Endpoint;
  path(target: Target): string;
  valid(target: Target): object;
}

function body(row: Endpoint, valid: (target: Target) => object): Body {
  const path = ({ ideaId, jobId, machineId }: Target) =>
    pathOf(row, { ideaId, jobId, machineId, checkpointId: 'chk_unknown' });
  return { row, path, valid };
}

const leased = ({ machineId }: Target) => ({ machineId, leaseId: 'lea_unknown' });

export const BODIES: readonly Body[] = [
  body(addIdea, () => ({ title: 'Tides', notes: 'Notes.', githubUrl: 'https://x.test' })),
  body(updateIdea, () => ({ title: 'Tides', notes: 'Notes.', updatedAt: '2026-01-01T00:00:00Z' })),
  body(addFeature, () => ({
    title: 'Grid',
    notes: 'n',
    details: [{ id: 'd', label: 'l', body: 'b' }],
    starred: true,
  })),
  body(putWorld, () => ({ name: 'World', projectRoot: '/srv/x', githubUrl: null, codexSessionId: 'c' })),
  body(enqueueJob, ({ machineId, projectRoot, at }) => ({
    prompt: 'Count.',
    machineId,
    projectRoot,
    priority: 3,
    maxAttempts: 2,
    timeoutSeconds: 60,
    notBefore: at,
  })),
  body(cancelJob, ({ machineId, at }) => ({
    machineId,
    reason: 'r',
    receipt: { processes: 1, signal: 'none', tookMs: 3, at },
  })),
  body(retryJob, ({ machineId }) => ({ machineId, reason: 'r', expectedAttempt: 1 })),
  body(drainMachine, () => ({ draining: true, reason: 'r' })),
  body(syncMachine, ({ machineId, ideaId, projectRoot, at }) => ({
    machineId,
    machineName: 'workbench',
    platform: 'linux',
    appVersion: '1',
    syncedAt: at,
    linkedProjects: [{ ideaId, projectRoot, ideaTitle: 't', lastOpenedAt: at }],
    sessions: [
      {
        ideaId,
        projectRoot,
        orpSessionId: 's',
        label: 'l',
        state: 'active',
        primary: true,
        lastActiveAt: at,
      },
    ],
    complete: true,
  })),
  body(heartbeat, ({ machineId, jobId, at }) => ({
    machineId,
    machineName: 'workbench',
    jobId,
    leaseId: 'lea_unknown',
    condition: { code: 'overloaded', message: 'm', until: at },
  })),
  body(claimJob, ({ machineId, projectRoot }) => ({
    machineId,
    claimId: 'claim-123',
    projectRoots: [projectRoot],
    dryRun: true,
  })),
  body(startJob, leased),
  body(addMessage, (target) => ({
    ...leased(target),
    sender: 'agent',
    content: 'c',
    meta: { a: 1 },
    seq: 1,
    at: target.at,
  })),
  body(addLogs, (target) => ({
    ...leased(target),
    lines: [{ level: 'info', line: 'l' }],
    chunks: [{ seq: 1, stream: 'stdout', text: 't', at: target.at }],
  })),
  body(completeJob, (target) => ({
    ...leased(target),
    success: true,
    summary: 's',
    content: 'c',
    error: 'e',
  })),
  body(releaseJob, (target) => ({ ...leased(target), reason: 'shutting_down', message: 'm' })),
  body(queueCheckpoint, () => ({
    triggerType: 't',
    contextSelection: {
      featureIds: ['fea_1'],
      detailSectionRefs: [{ featureId: 'f', detailSectionId: 'd' }],
      userNote: 'n',
    },
  })),
  body(claimReview, ({ projectRoot }) => ({
    agent: 'codex',
    claimId: 'claim-123',
    projectRoots: [projectRoot],
    dryRun: true,
  })),
  body(respondCheckpoint, () => ({
    summary: 's',
    body: 'b',
    worker: { exitCode: 0, ok: true, stdout: 'o', stderr: 'e' },
  })),
];

/** JSON of values that no honest client sends. */
const hostileJson = fc.oneof(
  fc.constantFrom(
    '"\\u0000"',
    '"a\\u0000b"',
    '"\\ud800"',
    '"\\udfff\\ud800 x"',
    '"\\u202e\\u001b[31m"',
    '""',
    '"   "',
    '1e999',
    '-1e999',
    '-0',
    '9007199254740993',
    '1e-400',
    '0.1',
    'null',
    'true',
    '{}',
    '[]',
    '{"__proto__":{"ok":true}}',
    '"__proto__"',
    '"+275760-09-13T00:00:00.001Z"',
    '"0000-01-01T00:00:00Z"',
    '"9999-12-31T23:59:59.999999999+23:59"',
    '"2026-02-30T00:00:00Z"',
  ),
  fc.integer({ min: 1, max: 20_000 }).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
  fc.integer({ min: 1, max: 5000 }).map((depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`),
  fc
    .integer({ min: 1, max: 20_000 })
    .map((count) => `[${Array.from({ length: count }, () => '1').join(',')}]`),
  fc.integer({ min: 1, max: 50_000 }).map((length) => JSON.stringify('\u0001'.repeat(length))),
  fc
    .integer({ min: 1, max: 50_000 })
    .map((length) => JSON.stringify('👩‍👩‍👧‍👦'.repeat(Math.ceil(length / 11)))),
  fc.string({ unit: 'binary', maxLength: 50 }).map((text) => JSON.stringify(text)),
  fc.double().map((value) => String(value)),
  fc.json({ maxDepth: 4 }),
);

const MARK = '@hostile@';

/** The JSON of a body in which one value, at any depth, is replaced, added or given twice. */
export function hostileBody(valid: object): fc.Arbitrary<string> {
  const places = placesIn(valid);
  return fc
    .record({
      place: fc.constantFrom(...places),
      value: hostileJson,
      way: fc.constantFrom('replace', 'twice', 'add'),
    })
    .map(({ place, value, way }) => {
      const key = JSON.stringify(place.at(-1));
      const quoted = JSON.stringify(MARK);
      const marked = JSON.stringify(withAt(valid, way === 'add' ? [...place.slice(0, -1), 'extra'] : place));
      const isInList = typeof place.at(-1) === 'number';
      if (way !== 'twice' || isInList) return marked.replace(quoted, value);
      return marked.replace(quoted, `1,${key}:${value}`);
    });
}

type Path = (string | number)[];

function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, one]) =>
    placesIn(one, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return path.length === 0 ? inner : [path, ...inner];
}

function withAt(value: unknown, [key, ...rest]: Path): unknown {
  if (key === undefined) return MARK;
  if (Array.isArray(value)) {
    if (typeof key !== 'number') return [...value, MARK];
    return value.map((one, index) => (index === key ? withAt(one, rest) : one));
  }
  const inner = (value as Record<string, unknown> | undefined)?.[String(key)];
  return { ...(value as object), [key]: withAt(inner, rest) };
}
