/**
 * Chooses how a prompt runs: as a turn in an agent server if there is one, otherwise as a process of the agent. A prompt that
 * is already in the transcript of the session does not run again.
 */

import { REMEDIES } from '../../../spec/job/kinds.ts';
import { sentences } from '../../../spec/text.ts';
import {
  type Agent,
  type AgentSession,
  type AgentTask,
  type MarkerSearch,
  markerOf,
  type SessionDriver,
} from '../../agents/agent.ts';
import type { ClaimedJob } from '../job/claimed-job.ts';
import { failedResult, sessionInUse } from '../job/result.ts';
import type { WorkContext } from '../job/work-context.ts';
import type { ResultRecord } from '../spool/records.ts';
import { type Engine, processEngine } from './engine.ts';
import { turnEngine } from './turn-engine.ts';
import { resolveEntered } from './turn-outcome.ts';

export type EngineChoice =
  | { kind: 'engine'; engine: Engine }
  /** The prompt need not run, or cannot run now; the result says why. */
  | { kind: 'result'; result: ResultRecord }
  | { kind: 'refused'; message: string }
  /** The agent is unavailable, so no job can run. */
  | { kind: 'unavailable'; message: string };

/** A prompt and its target. */
export interface PromptPlan {
  agent: Agent;
  /** The name of the session's agent. If absent, the runner uses the default agent. */
  agentName: string | undefined;
  task: AgentTask;
  job: ClaimedJob;
  leaseId: string | undefined;
}

type Around = Pick<WorkContext, 'machine' | 'graces' | 'agents'>;

export async function chooseEngine(around: Around, prompt: PromptPlan): Promise<EngineChoice> {
  const { agent, task } = prompt;
  const { sessions, openReader } = agent;
  const opening = await sessions?.open(task);
  if (sessions !== undefined && opening?.kind === 'open') {
    around.agents.onWay?.({ ...opening, way: opening.session.how }, prompt.job.id);
    return chooseTurn(around, prompt, { driver: sessions, session: opening.session });
  }
  if (opening?.kind === 'refused') {
    const { reading, message } = opening;
    if (reading?.kind === 'session_in_use') return inUse(around);
    const kind = reading?.kind === 'session_missing' ? 'session_missing' : 'agent_error';
    const said = `${agent.name} could not open the session: ${message}`;
    const remedy = REMEDIES[kind];
    const error = remedy === undefined ? said : sentences(said, remedy);
    return { kind: 'result', result: failedResult(kind, error, new Date()) };
  }
  if (opening?.kind === 'no_server') {
    around.agents.onWay?.({ ...opening, way: 'process' }, prompt.job.id);
  }
  const prepared = await agent.prepare(task);
  if (prepared.kind !== 'ready') return prepared;
  return { kind: 'engine', engine: processEngine(prepared.launch, { openReader, graces: around.graces }) };
}

async function chooseTurn(
  around: Around,
  { job, agentName: agent, task, leaseId = '' }: PromptPlan,
  { driver, session }: { driver: SessionDriver; session: AgentSession },
): Promise<EngineChoice> {
  const plan = { driver, task, agent, session };
  const leaseIds = [...(job.earlierLeases ?? []), leaseId];
  const markers = leaseIds.map((one) => markerOf(job.id, one));
  // If the job had no earlier lease, none of its prompts can have been added to a turn of another client.
  const canFind = driver.capabilities.has('markers');
  const search = canFind ? await session.find(markers, markers.length > 1) : NOT_SEARCHED;
  if (search.kind === 'unread') {
    await session.close();
    // The prompt may have been entered before, so it must not be entered now.
    return { kind: 'unavailable', message: 'The agent server did not show the turns of the session.' };
  }
  const found = search.kind === 'found' ? search.turn : undefined;
  if (found?.status === 'running') {
    return { kind: 'engine', engine: turnEngine({ ...plan, marker: found.marker, entered: found }) };
  }
  // A turn that runs may still read a prompt that was added to it under an earlier lease.
  if (search.kind === 'none' && !session.isBusy) {
    const marker = markerOf(job.id, leaseId);
    return { kind: 'engine', engine: turnEngine({ ...plan, marker, prompt: job.prompt }) };
  }
  await session.close();
  return found === undefined ? inUse(around) : { kind: 'result', result: resolveEntered(found, job.kind) };
}

/** A driver without markers cannot tell whether the prompt was entered before. */
const NOT_SEARCHED: MarkerSearch = { kind: 'none' };

function inUse({ machine }: Around): EngineChoice {
  return { kind: 'result', result: sessionInUse(new Date(), machine.machine_name) };
}
