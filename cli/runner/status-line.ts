/** What the live line says: state, transport, machine, the jobs, how long, and what the agent printed last. Pure. */

import { plainText } from '../output/plain-text.ts';

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
  isDraining: boolean;
  /** Why nothing is claimed right now. */
  obstacle: string | undefined;
  /** In the order in which they began. */
  jobs: readonly ShownJob[];
  /** Since the state began. */
  elapsedMs: number;
}

/** The line, uncut. */
export function statusLine(view: RunnerView): string {
  const { jobs } = view;
  const head = `${jobs.length > 0 ? '●' : '○'} ${stateOf(view)}${wayOf(view.channel)} as ${oneLineOf(view.machine)}`;
  const [first] = jobs;
  if (first === undefined) return `${head} · ${elapsed(view.elapsedMs)}`;
  const output = jobs.map((job) => lastLineOf(job.output)).findLast((line) => line !== '') ?? '';
  const what = jobs.length === 1 ? jobText(first) : `${jobs.length} jobs: ${jobs.map(jobText).join(', ')}`;
  return `${head} · ${what}${output === '' ? '' : ` · ${output}`}`;
}

function wayOf({ transport, up }: ChannelState): string {
  if (up === undefined) return '';
  return up ? ` over ${transport}` : ` (${transport} is down)`;
}

function stateOf({ isDraining, jobs, obstacle }: RunnerView): string {
  if (isDraining) return 'finishing';
  if (jobs.length > 0) return 'working';
  return obstacle === undefined ? 'waiting' : 'paused';
}

function jobText({ id, session, elapsedMs }: ShownJob): string {
  const where = session === '' ? '' : ` in ${oneLineOf(session)}`;
  return `${oneLineOf(id)}${where} ${elapsed(elapsedMs)}`;
}

/** `7 s`, `3 m 07 s`, `2 h 05 m`: as exact as somebody who waits wants it. */
export function elapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  if (hours > 0) return `${hours} h ${two(minutes)} m`;
  return minutes > 0 ? `${minutes} m ${two(seconds % 60)} s` : `${seconds} s`;
}

function lastLineOf(text: string): string {
  const lines = plainText(text).split('\n');
  return oneLineOf(lines.findLast((line) => line.trim() !== '') ?? '');
}

function oneLineOf(text: string): string {
  return plainText(text).replaceAll(/\s+/g, ' ').trim();
}
