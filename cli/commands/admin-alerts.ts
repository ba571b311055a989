/** `orp admin alerts`. */

import { listAlerts } from '../../spec/contract/admin.ts';
import type { ReplyOf } from '../../spec/contract/endpoint.ts';
import { EXIT_NEGATIVE } from '../base/exit.ts';
import { call } from '../client/call.ts';
import { signedInClient } from '../client/client.ts';
import { parseTimestamp } from '../files/timestamps.ts';
import type { CommonOptions, Context } from '../output/context.ts';
import { age, facts, said } from '../output/page.ts';
import { formatRows, type Line, printResult } from '../output/print.ts';
import type { Rich } from '../output/text-output.ts';

export interface AlertOptions extends CommonOptions {
  strict?: boolean;
}

type Answer = ReplyOf<typeof listAlerts>;
type Alert = Answer['alerts'][number];

export async function alerts(context: Context, { strict }: AlertOptions): Promise<number> {
  const client = await signedInClient(context);
  const answer = await call(client, listAlerts, {});
  printResult(context, answer, {
    lines: () =>
      formatRows(
        [
          ['alerts.count', answer.alerts.length],
          ['has_more', answer.hasMore],
        ],
        answer.alerts.map(linesOf),
      ),
    page: () => pageOf(answer, context.now()),
  });
  return strict && answer.alerts.length > 0 ? EXIT_NEGATIVE : 0;
}

function linesOf(alert: Alert): Line[] {
  return [
    ['alert.kind', alert.kind],
    ['alert.since', alert.since],
    ['alert.sentence', alert.sentence],
    ['alert.meaning', alert.meaning],
    ['alert.next', alert.next],
    ['alert.account', alert.account?.email],
    ['alert.machine_id', alert.machineId],
    ['alert.count', alert.count],
    ...alert.jobIds.map((id): Line => ['alert.job_id', id]),
  ];
}

function pageOf({ alerts, hasMore }: Answer, now: number): Rich {
  if (alerts.length === 0) return said('done', 'No alerts.');
  return [
    ...alerts.map((alert) => alertPage(alert, now)),
    hasMore ? said('note', 'There may be more alerts than the server found or shows here.') : '',
  ];
}

function alertPage(alert: Alert, now: number): Rich {
  const since = parseTimestamp(alert.since);
  return [
    said('warning', alert.sentence),
    facts([
      ['kind', alert.kind],
      ['for', since === undefined || since === now ? undefined : age(now - since)],
      ['account', alert.account?.email],
      ['means', alert.meaning],
      ['next', alert.next],
    ]),
  ];
}
