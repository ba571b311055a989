/** What the live line says: state, transport, machine, the jobs, how long, and what the agent printed last. Pure. */

import { exactDuration } from '../base/duration.ts';
import { plainText } from './plain-text.ts';
import { textWidth } from './text-width.ts';

export interface ShownJob {
  id: string;
  /** Label of its session; blank when it has none. */
  session: string;
  elapsedMs: number;
  /** The newest output, redacted; may be several lines. */
  output: string;
}

/** The connection over which the service wakes this runner. */
export interface ChannelState {
  transport: string;
  /** Undefined before the first try. */
  up: boolean | undefined;
}

export interface RunnerView {
  machine: string;
  channel: ChannelState;
  /** The runner is to end. */
  isDraining: boolean;
  /** The server tells this machine to claim nothing. */
  isDrained: boolean;
  /** Why nothing is claimed right now. */
  obstacle: string | undefined;
  /** In the order in which they began. */
  jobs: readonly ShownJob[];
  /** Since the state began. */
  elapsedMs: number;
}

/** What is left for the newest output before something else of the line is left out. */
const OUTPUT_ROOM = 16;

/**
 * The line for so many columns, to be cut at its end. On a narrow terminal the machine, the transport and the name of the
 * job are left out before the state, the time and the newest output are.
 */
export function statusLine(view: RunnerView, columns: number): string {
  const news = newsOf(view);
  const room = columns - Math.min(textWidth(news), ' · '.length + OUTPUT_ROOM);
  const heads = headsOf(view);
  const head = heads.find((one) => textWidth(one) <= room) ?? heads.at(-1);
  return `${head}${news}`;
}

/** From the fullest to the barest. */
function headsOf(view: RunnerView): string[] {
  const state = `${view.jobs.length > 0 ? '●' : '○'} ${stateOf(view)}`;
  const way = wayOf(view.channel);
  const machine = ` as ${oneLineOf(view.machine)}`;
  const [what, inShort] = workOf(view);
  const full = [`${state}${way}${machine}${what}`, `${state}${way}${what}`, `${state}${what}`];
  return [...full, `${state}${way}${machine}${inShort}`, `${state}${way}${inShort}`, `${state}${inShort}`];
}

/** What is at work and how long, in full and in short. */
function workOf({ jobs, elapsedMs }: RunnerView): [string, string] {
  const [first] = jobs;
  if (first === undefined) return [` · ${exactDuration(elapsedMs)}`, ` · ${exactDuration(elapsedMs)}`];
  const inShort = ` · ${exactDuration(first.elapsedMs)}`;
  if (jobs.length === 1) return [` · ${jobText(first)}`, inShort];
  return [` · ${jobs.length} jobs: ${jobs.map(jobText).join(', ')}`, ` · ${jobs.length} jobs${inShort}`];
}

/** What an agent printed last; of a runner that is kept from work, why. */
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
