/**
 * What monitoring systems read. `GET /health` says without a token which version runs, whether the database answers, and when
 * cron last ran. `GET /metrics` shows the state of the server in the OpenMetrics format to a system that knows the secret
 * `METRICS_TOKEN`. The rows that they read and the series that they write are bounded, whatever the accounts store.
 */

import type { Context, Hono } from 'hono';
import { refuse } from '../../spec/errors.ts';
import { type ContactAges, CRON_LATE_MS, type ServerHealth } from '../../spec/overview/monitoring.ts';
import { addStats } from '../../spec/overview/stats.ts';
import type { Deps } from '../base/deps.ts';
import { isPassingFailure } from '../base/failures.ts';
import type { AppEnv } from '../http/app-env.ts';
import { refusalResponse } from '../http/error-answers.ts';
import { readAlerts } from '../overview/alerts.ts';
import { lastCronAt, readRecent } from '../overview/charts.ts';
import { countLive } from '../store/admin-reads.ts';
import { readContactAges, readVersions } from '../store/alert-reads.ts';
import { BRIEF_WAIT_MS, rowsOf } from '../store/database.ts';
import { expose } from './exposition.ts';
import { type Facts, metricsOf, WINDOW_MINUTES } from './metric-list.ts';

const DAY_MS = 24 * 60 * 60_000;
/** How long an isolate repeats an answer, however many requests arrive. */
const REPEATED_MS = 5000;

let lastHealth: { at: number; health: ServerHealth } | undefined;

export function mountHealth(app: Hono<AppEnv>): void {
  app.get('/health', async (context: Context<AppEnv>) => {
    const health = await readHealth(context.get('deps'), context.env.SERVER_VERSION);
    return context.json(health, health.database.ok ? 200 : 503);
  });
}

async function readHealth(deps: Deps, version: string): Promise<ServerHealth> {
  if (lastHealth !== undefined && isRecent(deps, lastHealth.at)) return lastHealth.health;
  const health = await askDatabase(deps, version || 'unknown');
  lastHealth = { at: deps.now, health };
  return health;
}

async function askDatabase(deps: Deps, version: string): Promise<ServerHealth> {
  const startedAt = performance.now();
  try {
    const cronAt = await lastCronAt({ ...deps, db: deps.db.within(BRIEF_WAIT_MS) });
    const ageMs = cronAt === undefined ? undefined : Math.max(0, deps.now - cronAt);
    const cronOk = ageMs !== undefined && ageMs <= CRON_LATE_MS;
    return {
      ok: cronOk,
      version,
      database: { ok: true, ms: Math.round(performance.now() - startedAt) },
      cron: {
        ok: cronOk,
        ...(cronAt === undefined ? {} : { lastRunAt: new Date(cronAt).toISOString() }),
      },
    };
  } catch (error) {
    if (!isPassingFailure(error as Error)) throw error;
    return { ok: false, version, database: { ok: false }, cron: { ok: false } };
  }
}

function isRecent({ now }: Deps, at: number): boolean {
  return now >= at && now - at < REPEATED_MS;
}

/** A shorter secret could be guessed. */
const SHORTEST_TOKEN = 20;

const CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

let lastText: { at: number; text: string } | undefined;

export function mountMetrics(app: Hono<AppEnv>): void {
  app.get('/metrics', async (context: Context<AppEnv>) => {
    const deps = context.get('deps');
    const secret = context.env.METRICS_TOKEN ?? '';
    if (secret.length < SHORTEST_TOKEN) {
      const { refusal } = refuse(
        'not_found',
        `This server has no metrics: its secret METRICS_TOKEN is not set, or has less than ${SHORTEST_TOKEN} characters.`,
        'Set it with: npx wrangler secret put METRICS_TOKEN.',
      );
      return refusalResponse(context, refusal);
    }
    if (!(await isSame(bearerOf(context), secret))) {
      context.header('WWW-Authenticate', 'Bearer');
      const { refusal } = refuse(
        'unauthenticated',
        'The metrics need the token of the monitoring system.',
        'Send the secret METRICS_TOKEN of the server as a bearer token.',
      );
      return refusalResponse(context, refusal);
    }
    if (lastText === undefined || !isRecent(deps, lastText.at))
      lastText = { at: deps.now, text: expose(metricsOf(await readFacts(deps, context.env.SERVER_VERSION))) };
    return context.body(lastText.text, 200, { 'Content-Type': CONTENT_TYPE });
  });
}

function bearerOf(context: Context<AppEnv>): string {
  return /^Bearer (.{1,1000})$/i.exec(context.req.header('authorization') ?? '')?.[1] ?? '';
}

/** Compares digests in constant time, so that the time of an answer says nothing about the secret. */
async function isSame(given: string, secret: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return crypto.subtle.timingSafeEqual(await digest(given), await digest(secret));
}

/** Makes three or four round trips to D1. Every statement reads a bounded number of rows. */
async function readFacts(deps: Deps, version: string): Promise<Facts> {
  const [live, ages, versions] = await deps.db.batch([
    countLive(),
    readContactAges(deps.now, DAY_MS),
    readVersions(deps.now - DAY_MS),
  ]);
  const minutes = await readRecent(deps, WINDOW_MINUTES);
  const { counts } = await readAlerts(deps);
  return {
    version: version || 'unknown',
    newestMinuteAt: minutes.at(-1)?.at,
    stats: addStats(minutes.map((minute) => minute.stats)),
    live: new Map(rowsOf<{ status: string; count: number }>(live).map((row) => [row.status, row.count])),
    ages: rowsOf<ContactAges>(ages)[0],
    versions: rowsOf<{ version: string; machines: number }>(versions),
    alerts: counts,
  };
}
