/** For every bound: how a value of a given size reaches it over the front door. */

import { env } from 'cloudflare:workers';
import type { AccountLimit } from '../../../spec/bounds.ts';
import { BOUNDS, utf8Length } from '../../../spec/bounds.ts';
import { addFeature, addIdea, updateFeature, updateIdea } from '../../../spec/contract/ideas.ts';
import { enqueueJob } from '../../../spec/contract/jobs.ts';
import { addLogs, completeJob, syncMachine } from '../../../spec/contract/runner.ts';
import { MAX_CHUNK_BYTES, MAX_PROMPT_BYTES, MAX_RESULT_BYTES } from '../../../spec/job/kinds.ts';
import type { Answer } from './call.ts';
import { accepts, send } from './call.ts';
import type { Machine } from './machines.ts';
import { aMachine, aPrompt, claimAndStart, syncBody } from './machines.ts';

/** `prepare` makes room for a value of so many bytes or rows; what it returns sends it. */
export interface Probe {
  bound: number;
  prepare(machine: Machine, size: number): Promise<(size: number) => Promise<Answer>>;
}

/** A text of so many bytes, of characters of two bytes as far as that goes. */
function textOf(bytes: number): string {
  return 'ü'.repeat(Math.floor(bytes / 2)) + 'x'.repeat(bytes % 2);
}

function session(projectRoot: string, label: string) {
  return {
    projectRoot,
    orpSessionId: 's',
    codexSessionId: 'c',
    label,
    state: 'active' as const,
    primary: true,
  };
}

/** Bytes of sessions with these labels, as the server stores them. */
function storedLength(labels: readonly string[]): number {
  const rows = labels.map((label) => ({ ...session('', label), projectRoot: undefined }));
  return utf8Length(JSON.stringify(rows));
}

/** Labels whose sessions take so many bytes. */
function labelsOf(bytes: number): string[] {
  const label = 'l'.repeat(1000);
  const each = storedLength([label, label]) - storedLength([label]);
  const count = Math.floor((bytes - 2000) / each);
  const labels = Array.from({ length: count }, () => label);
  const tails = [0, 1, 2, 3];
  const missing = bytes - storedLength([...labels, ...tails.map(() => '')]);
  return [...labels, ...tails.map((tail) => 'l'.repeat(Math.min(Math.max(0, missing - 1000 * tail), 1000)))];
}

async function syncWith(
  machine: Machine,
  projects: { projectRoot: string; labels: readonly string[] }[],
): Promise<Answer> {
  return send(syncMachine, {
    as: machine.owner,
    body: {
      ...syncBody(machine, []),
      linkedProjects: projects.map(({ projectRoot }) => ({ ideaId: machine.ideaId, projectRoot })),
      sessions: projects.flatMap(({ projectRoot, labels }) =>
        labels.map((label) => session(projectRoot, label)),
      ),
      complete: true,
    },
  });
}

/** Features written in the database, each with sections of so many bytes. */
/** Gives an idea features with so many bytes each. */
export async function fillIdea(
  { owner, ideaId }: Machine,
  { count, bytes }: { count: number; bytes: number },
): Promise<void> {
  const empty = { id: 'det_1', label: 'Detail', body: '' };
  const details = JSON.stringify([
    { ...empty, body: 'b'.repeat(bytes - utf8Length(JSON.stringify([empty]))) },
  ]);
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO features (user_id, id, idea_id, title, starred, super_starred, completed, created_at, updated_at, details)
     SELECT ?2, 'fea_' || i || '_' || ?3, ?3, 'Grid', 0, 0, 0, 0, 0, ?4 FROM n`,
  )
    .bind(count, owner.userId, ideaId, details)
    .run();
}

/** What is left for the value that a probe sends. */
const REST = 100 * 1024;

/** A job under a lease. */
async function atWork(machine: Machine) {
  await aPrompt(machine);
  const { jobId, leaseId } = await claimAndStart(machine);
  return { as: machine.owner, params: { jobId }, holder: { machineId: machine.machineId, leaseId } };
}

export const VALUE_PROBES: Record<string, Probe> = {
  promptBytes: {
    bound: MAX_PROMPT_BYTES,
    prepare:
      async ({ owner }) =>
      async (size) =>
        send(enqueueJob, { as: owner, body: { prompt: textOf(size) } }),
  },
  resultBytes: {
    bound: MAX_RESULT_BYTES,
    prepare: async (machine) => {
      const { as, params, holder } = await atWork(machine);
      return (size) =>
        send(completeJob, { as, params, body: { ...holder, success: true, content: textOf(size) } });
    },
  },
  chunkBytes: {
    bound: MAX_CHUNK_BYTES,
    prepare: async (machine) => {
      const { as, params, holder } = await atWork(machine);
      return (size) =>
        send(addLogs, {
          as,
          params,
          body: { ...holder, chunks: [{ seq: 1, stream: 'stdout', text: textOf(size) }] },
        });
    },
  },
  featureBytes: {
    bound: BOUNDS.featureBytes,
    prepare: async (machine) => {
      const bytes = BOUNDS.featureBytes - REST;
      await fillIdea(machine, { count: 1, bytes });
      const params = { featureId: `fea_1_${machine.ideaId}` };
      return (size) =>
        send(updateFeature, { as: machine.owner, params, body: { notes: textOf(size - bytes) } });
    },
  },
  featureSections: {
    bound: BOUNDS.featureSections,
    prepare:
      async ({ owner: as, ideaId }) =>
      (size) =>
        send(addFeature, {
          as,
          params: { ideaId },
          body: { title: 'Grid', details: Array.from({ length: size }, () => ({ body: 'b' })) },
        }),
  },
  ideaFeatures: {
    bound: BOUNDS.ideaFeatures,
    prepare: async (machine, size) => {
      await fillIdea(machine, { count: size - 1, bytes: 100 });
      return () =>
        send(addFeature, { as: machine.owner, params: { ideaId: machine.ideaId }, body: { title: 'Grid' } });
    },
  },
  ideaBytes: {
    bound: BOUNDS.ideaBytes,
    prepare: async (machine) => {
      const notes = utf8Length('Measure the tide.');
      const bytes = BOUNDS.ideaBytes / 4 - REST / 2;
      await fillIdea(machine, { count: 4, bytes });
      const { owner: as, ideaId } = machine;
      const rest = (size: number) => size - 4 * bytes - notes - '[]'.length;
      return (size) =>
        send(addFeature, { as, params: { ideaId }, body: { title: 'Grid', notes: textOf(rest(size)) } });
    },
  },
  machineProjects: {
    bound: BOUNDS.machineProjects,
    prepare: async (machine) => (size) =>
      syncWith(
        machine,
        Array.from({ length: size }, (_, index) => ({
          projectRoot: `${machine.projectRoot}/${index}`,
          labels: [],
        })),
      ),
  },
  repositorySessionsBytes: {
    bound: BOUNDS.repositorySessionsBytes,
    prepare: async (machine) => (size) =>
      syncWith(machine, [{ projectRoot: machine.projectRoot, labels: labelsOf(size) }]),
  },
  machineLinkedBytes: {
    bound: BOUNDS.machineLinkedBytes,
    prepare: async (machine) => (size) => {
      const roots = ['/a', '/b', '/c'];
      const rows = roots.map((projectRoot) => linkedLength({ ideaId: machine.ideaId, projectRoot }));
      const left = size - rows.reduce((sum, bytes) => sum + bytes, 0);
      const third = Math.floor(left / 3);
      return syncWith(
        machine,
        roots.map((projectRoot, index) => ({
          projectRoot,
          labels: labelsOf(index === 2 ? left - 2 * third : third),
        })),
      );
    },
  },
};

/** A row of `linked_projects` counts the bytes of its texts. */
function linkedLength({ ideaId, projectRoot }: { ideaId: string; projectRoot: string }): number {
  return utf8Length(ideaId) + utf8Length(projectRoot);
}

/** What an account holds already of a limit, and what asks for so many more; the answers, of which the last may be refused. */
export type LimitProbe = (
  machine: Machine,
) => Promise<{ held: number; add(count: number): Promise<readonly Answer[]> }>;

async function times(count: number, ask: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let done = 0; done < count; done += 1) answers.push(await ask());
  return answers;
}

/** `refusals-events.test.ts` judges open streams, `kept-jobs.test.ts` kept jobs. */
export const LIMIT_PROBES: Record<Exclude<AccountLimit, 'followStreams' | 'keptJobs'>, LimitProbe> = {
  queuedJobs: async ({ owner: as }) => ({
    held: 0,
    add: (count) => times(count, () => send(enqueueJob, { as, body: { prompt: 'Count.' } })),
  }),
  machines: async (machine) => ({
    held: 1,
    add: (count) =>
      times(count, () => {
        const body = { ...syncBody(machine, []), machineId: crypto.randomUUID(), linkedProjects: [] };
        return send(syncMachine, { as: machine.owner, body });
      }),
  }),
  linkedProjects: async (machine) => {
    await aMachine({ owner: machine.owner, ideaId: machine.ideaId });
    return {
      held: 2,
      add: (count) => {
        const roots = Array.from({ length: count }, (_, index) => `${machine.projectRoot}/${index}`);
        const projects = [machine.projectRoot, ...roots].map((projectRoot) => ({ projectRoot, labels: [] }));
        return times(1, () => syncWith(machine, projects));
      },
    };
  },
  linkedBytes: async (machine) => {
    // A sync that names all repositories of the machine.
    const before = { ...machine, projectRoot: '/r' };
    await syncWith(machine, [{ projectRoot: before.projectRoot, labels: [] }]);
    return {
      held: linkedLength(before) + '[]'.length,
      add: (bytes) => {
        const projectRoot = `/r${'r'.repeat(bytes)}`;
        return times(1, () => syncWith(machine, [{ projectRoot, labels: [] }]));
      },
    };
  },
  ideas: async ({ owner: as }) => ({
    held: 1,
    add: (count) => times(count, () => send(addIdea, { as, body: { title: 'Tidal survey' } })),
  }),
  features: async ({ owner: as, ideaId }) => ({
    held: 0,
    add: (count) => times(count, () => send(addFeature, { as, params: { ideaId }, body: { title: 'Grid' } })),
  }),
  storedBytes: async ({ owner: as, ideaId }) => {
    const notes = 'n'.repeat(5000);
    await accepts(updateIdea, { as, params: { ideaId }, body: { notes } });
    return {
      held: notes.length,
      add: (bytes) =>
        times(1, () => send(addIdea, { as, body: { title: 'Tides', notes: 'n'.repeat(bytes) } })),
    };
  },
};
