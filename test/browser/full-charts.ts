/** A week of charts: a service with quiet nights, a busy afternoon, and a bad hour. */

import { addStats, histogramOf, type Stats } from '../../spec/overview/stats.ts';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;

/** The row of each minute of the last hour, of each quarter of the last day and of each hour of the last week. */
export function chartRows(now: number) {
  const last = Math.floor(now / MINUTE_MS) - 1;
  const rows = [];
  for (let minute = last - 7 * DAY_MINUTES; minute <= last; minute += 1) {
    const endsHour = (minute + 1) % 60 === 0;
    const endsQuarter = (minute + 1) % 15 === 0 && minute > last - DAY_MINUTES - 15;
    if (!endsHour && !endsQuarter && minute <= last - 60) continue;
    rows.push({
      at: minute * MINUTE_MS,
      slot: minute % (8 * DAY_MINUTES),
      minute: JSON.stringify(statsAt(minute)),
      quarter: endsQuarter ? JSON.stringify(longer(minute, 15)) : null,
      hour: endsHour ? JSON.stringify(longer(minute, 60)) : null,
    });
  }
  return rows;
}

export const INSERT_CHART_ROWS = `
  INSERT OR REPLACE INTO minute_stats (slot, at, minute, quarter, hour)
  SELECT value ->> '$.slot', value ->> '$.at', value ->> '$.minute', value ->> '$.quarter', value ->> '$.hour'
  FROM json_each(?)`;

function longer(minute: number, minutes: number): Stats {
  return addStats(Array.from({ length: minutes }, (_, back) => statsAt(minute - back)));
}

function statsAt(minute: number): Stats {
  const busy = Math.max(0, Math.sin(((minute % DAY_MINUTES) / DAY_MINUTES) * 2 * Math.PI - 2));
  const wave = Math.abs(Math.sin(minute / 7)) + Math.abs(Math.cos(minute / 31));
  const isBad = Math.floor(minute / 60) % 37 === 3;
  const completed = Math.round(wave * (1 + busy * 4));
  const durations = (ms: number) => histogramOf(Array.from({ length: completed }, (_, at) => ms * (1 + at)));
  return {
    queued: Math.round(busy * 24 + wave * 4),
    active: Math.round(busy * 9 + wave),
    lost: isBad ? 2 : 0,
    completed,
    failed: isBad ? 3 : Math.floor(wave / 1.3),
    cancelled: minute % 11 === 0 ? 1 : 0,
    wake: durations(900),
    run: durations(70_000),
  };
}
