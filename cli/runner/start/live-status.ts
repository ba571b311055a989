/** Updates the live line once a second with the state of the runner. Only on a terminal, and not with `--json`. */

import { type Context, withStreams } from '../../output/context.ts';
import { LiveLine } from '../../output/live/live-line.ts';
import { type ChannelState, type RunnerView, statusLine } from '../../output/live/status-line.ts';
import type { RunningJob } from '../loop/job-pool.ts';

const REFRESH_MS = 1000;

/** Returns a context whose output appears above the line, or undefined without a terminal. */
export function liveContext(context: Context): { context: Context; line: LiveLine } | undefined {
  if (context.json || context.stderr.isTTY !== true || context.env.TERM === 'dumb') return undefined;
  const line = new LiveLine(context.stderr.device);
  const stderr = line.above(context.stderr.device);
  // Output to a file or a pipe does not disturb the line.
  const stdout = context.stdout.isTTY ? line.above(context.stdout.device) : context.stdout.device;
  return { context: withStreams(context, { stdout, stderr }), line };
}

/** The facts that the line shows. */
export interface LiveSource {
  machine: string;
  /** The environment, for `NO_COLOR`. */
  env: NodeJS.ProcessEnv;
  jobs(): readonly RunningJob[];
  obstacle(): string | undefined;
  isDraining(): boolean;
  isDrained(): boolean;
  channel(): ChannelState;
}

/** Shows the line. Returns a function that removes it. */
export function showLive(line: LiveLine, source: LiveSource): () => void {
  let state = '';
  let since = performance.now();
  const paint = (source.env.NO_COLOR ?? '') === '';
  const refresh = () => {
    const view = viewOf(source, performance.now() - since);
    const now = `${view.isDraining} ${view.isDrained} ${view.jobs.length > 0} ${view.obstacle}`;
    if (now !== state) {
      since = performance.now();
      view.elapsedMs = 0;
    }
    state = now;
    line.show(statusLine(view, line.columns), paint ? colourOf(view) : undefined);
  };
  refresh();
  const timer = setInterval(refresh, REFRESH_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    line.end();
  };
}

function viewOf(source: LiveSource, elapsedMs: number): RunnerView {
  return {
    machine: source.machine,
    channel: source.channel(),
    isDraining: source.isDraining(),
    isDrained: source.isDrained(),
    obstacle: source.obstacle(),
    elapsedMs,
    jobs: source.jobs().map(({ lease, placement, beganAt }) => ({
      id: lease.held.jobId,
      session: placement.kind === 'placed' ? placement.session.label : '',
      elapsedMs: performance.now() - beganAt,
      output: lease.lastText,
    })),
  };
}

/** The color (SGR) of the mark at the start of the line: green while a job runs, yellow if there is an obstacle. */
function colourOf({ jobs, obstacle, channel, isDrained }: RunnerView): number | undefined {
  if (isDrained || obstacle !== undefined || channel.up === false) return 33;
  return jobs.length > 0 ? 32 : undefined;
}
