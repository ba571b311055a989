/** The text of the live line: state, transport, machine, jobs, time and the agent's newest output. Pure. */

import { exactDuration } from '../../base/duration.ts';
import { plainText } from '../plain-text.ts';
import { textWidth } from '../text-width.ts';

export interface ShownJob {
  id: string;
  /** The label of the job's session. Empty if the job has no session. */
  session: string;
  elapsedMs: number;
  /** The newest output, redacted. It may have several lines. */
  output: string;
}

/** The connection over which the server wakes this runner. */
export interface ChannelState {
  transport: string;
  /** Undefined before the first connection attempt. */
  up: boolean | undefined;
}

export interface RunnerView {
  machine: string;
  channel: ChannelState;
  /** The runner is shutting down. */
  isDraining: boolean;
  /** The machine is drained. */
  isDrained: boolean;
  /** Why the runner currently claims no jobs. */
  obstacle: string | undefined;
  /** The running jobs, in the order of their starts. */
  jobs: readonly ShownJob[];
  /** Time in the current state, in ms. */
  elapsedMs: number;
}

/** Columns reserved for the newest output. Other parts are dropped to keep them. */
const OUTPUT_ROOM = 16;

/**
 * The line for a number of columns. The caller cuts its end. A narrow terminal drops the machine, the transport and the job
 * name first, then the state, the time and the newest output.
 */
export function statusLine(view: RunnerView, columns: number): string {
  const news = newsOf(view);
  const room = columns - Math.min(textWidth(news), ' · '.length + OUTPUT_ROOM);
  const heads = headsOf(view);
  const head = heads.find((one) => textWidth(one) <= room) ?? heads.at(-1);
  return `${head}${news}`;
}

/** Variants of the line, longest first. */
function headsOf(view: RunnerView): string[] {
  const state = `${view.jobs.length > 0 ? '●' : '○'} ${stateOf(view)}`;
  const way = wayOf(view.channel);
  const machine = ` as ${oneLineOf(view.machine)}`;
  const [what, inShort] = workOf(view);
  const full = [`${state}${way}${machine}${what}`, `${state}${way}${what}`, `${state}${what}`];
  return [...full, `${state}${way}${machine}${inShort}`, `${state}${way}${inShort}`, `${state}${inShort}`];
}

/** The running jobs and their time, in a long and a short form. */
function workOf({ jobs, elapsedMs }: RunnerView): [string, string] {
  const [first] = jobs;
  if (first === undefined) return [` · ${exactDuration(elapsedMs)}`, ` · ${exactDuration(elapsedMs)}`];
  const inShort = ` · ${exactDuration(first.elapsedMs)}`;
  if (jobs.length === 1) return [` · ${jobText(first)}`, inShort];
  return [` · ${jobs.length} jobs: ${jobs.map(jobText).join(', ')}`, ` · ${jobs.length} jobs${inShort}`];
}

/** The newest output of an agent, or the reason why the runner is paused. */
function newsOf({ jobs, obstacle }: RunnerView): string {
  const printed = jobs.map((job) => lastLineOf(job.output)).findLast((line) => line !== '');
  const news = printed ?? (jobs.length > 0 ? '' : oneLineOf(obstacle ?? ''));
  return news === '' ? '' : ` · ${news}`;
}

function wayOf({ transport, up }: ChannelState): string {
  if (up === undefined) return '';
  return up ? ` over ${transport}` : ` (${transport} is down)`;
}

function stateOf({ isDraining, isDrained, jobs, obstacle }: RunnerView): string {
  if (isDraining) return 'finishing';
  if (jobs.length > 0) return isDrained ? 'drained, finishing' : 'working';
  if (isDrained) return 'drained';
  return obstacle === undefined ? 'waiting' : 'paused';
}

function jobText({ id, session, elapsedMs }: ShownJob): string {
  const where = session === '' ? '' : ` in ${oneLineOf(session)}`;
  return `${oneLineOf(id)}${where} ${exactDuration(elapsedMs)}`;
}

function lastLineOf(text: string): string {
  const lines = plainText(text).split('\n');
  return oneLineOf(lines.findLast((line) => line.trim() !== '') ?? '');
}

function oneLineOf(text: string): string {
  return plainText(text).replaceAll(/\s+/g, ' ').trim();
}
