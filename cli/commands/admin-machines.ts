/** `orp admin machines`. */

import { listMachines } from '../../spec/contract/admin.ts';
import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import type { MachineState } from '../../spec/overview/machine-state.ts';
import { shellWord } from '../base/shell-word.ts';
import { call } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { age, said, table } from '../output/page.ts';
import { formatRows, type Line, printResult } from '../output/print.ts';
import type { Rich, Style } from '../output/text-output.ts';

export interface MachineOptions extends CommonOptions {
  q?: string;
  account?: string;
  state?: MachineState;
  appVersion?: string;
  platform?: string;
  limit: number;
  cursor?: string;
}

type Page = ReplyOf<typeof listMachines>;
type Machine = Page['machines'][number];

export async function machines(context: Context, options: MachineOptions): Promise<void> {
  const client = await signedInClient(context);
  const { q, account, state, appVersion: version, platform, limit, cursor } = options;
  const query = { q, account, state, version, platform, limit, cursor };
  const answer = await call(client, listMachines, { query });
  const { nextCursor, hasMore, ...rest } = answer;
  const document = { ...rest, next_cursor: nextCursor ?? '', has_more: hasMore };
  printResult(context, document, {
    lines: () => formatRows(headOf(answer), answer.machines.map(linesOf)),
    page: (columns) => pageOf(answer, { options, columns, now: context.now() }),
  });
}

function headOf({ machines, nextCursor, hasMore, live }: Page): Line[] {
  return [
    ['machines.count', machines.length],
    ['next_cursor', nextCursor],
    ['has_more', hasMore],
    ...Object.entries(live).map(([status, count]): Line => [`live.${status}`, count]),
  ];
}

function linesOf(machine: Machine): Line[] {
  return [
    ['machine.id', machine.id],
    ['machine.name', machine.name],
    ['machine.account', machine.account.email],
    ['machine.state', machine.state],
    ['machine.last_seen_at', machine.lastSeenAt],
    ['machine.listening', machine.listening?.transport],
    ['machine.version', machine.version],
    ['machine.platform', machine.platform],
    ['machine.condition', machine.condition?.code],
    ['machine.held', machine.heldCount],
    ['machine.queued', machine.queuedCount],
    ['machine.last_completed_at', machine.lastCompletedAt],
    ['machine.last_failed_at', machine.lastFailedAt],
    ['machine.spool.leases', machine.spool?.leases],
    ['machine.spool.bytes', machine.spool?.bytes],
    ['machine.agent', machine.agent?.way],
  ];
}

const STYLES: Record<MachineState, Style> = {
  online: 'green',
  draining: 'yellow',
  asleep: 'dim',
  silent: 'red',
};

interface View {
  options: MachineOptions;
  columns: number;
  now: number;
}

function pageOf(page: Page, { options, columns, now }: View): Rich {
  const { live, endedLastHour: ended } = page;
  const counts = `${live.queued} queued, ${live.dispatched + live.running} active, ${live.lost} lost. In the last hour: ${ended.completed} completed, ${ended.failed} failed, ${ended.cancelled} cancelled.`;
  const rows = page.machines.map((machine) => {
    const seenAt = parseTimestamp(machine.lastSeenAt);
    const { heldCount, queuedCount, listening, condition, spool } = machine;
    return [
      { text: machine.name },
      { text: machine.state, style: STYLES[machine.state] },
      { text: listening?.transport ?? (seenAt === undefined ? '' : age(now - seenAt)) },
      { text: machine.version },
      { text: queuedCount > 0 ? `${heldCount}+${queuedCount}` : String(heldCount) },
      { text: spool === undefined || spool.leases === 0 ? '' : String(spool.leases) },
      { text: [machine.account.email, condition?.code].filter(Boolean).join(' · ') },
    ];
  });
  return [
    said('note', counts),
    rows.length === 0
      ? 'No machine on this page matches.\n'
      : table(['MACHINE', 'STATE', 'SEEN', 'VERSION', 'JOBS', 'SPOOL', 'ACCOUNT'], rows, columns),
    moreOf(page, options),
  ];
}

/** Returns the command for the next page of the list. */
function moreOf({ nextCursor, hasMore }: Page, options: MachineOptions): Rich {
  if (!hasMore) return '';
  const flags = Object.entries({
    '--q': options.q,
    '--account': options.account,
    '--state': options.state,
    '--app-version': options.appVersion,
    '--platform': options.platform,
    '--limit': options.limit,
    '--cursor': nextCursor,
  }).filter(([, value]) => value !== undefined);
  return said(
    'next',
    `orp admin machines ${flags.map(([flag, value]) => `${flag} ${shellWord(String(value))}`).join(' ')}`,
  );
}
