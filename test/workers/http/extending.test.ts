/** The steps of docs/extending.md for a route and for a column: whoever forgets one reads which. */

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { ROWS } from '../../../spec/contract/all-endpoints.ts';
import type { Endpoint } from '../../../spec/contract/endpoint.ts';
import { makeApp } from '../../../workers/app.ts';
import * as ideaSchema from '../../../workers/store/idea-schema.ts';
import * as schema from '../../../workers/store/schema.ts';
import { Table } from '../../../workers/store/table.ts';
import {
  type ColumnFacts,
  forgottenColumnSteps,
  forgottenRouteSteps,
  type RouteFacts,
} from '../harness/forgotten-steps.ts';

const MODULES = import.meta.glob('../../../spec/contract/*.ts', { eager: true });
const TABLES_OF_REFUSALS = import.meta.glob('../routes/refusals-*.test.ts', {
  query: '?raw',
  import: 'default',
  eager: true,
});
const SOURCES = import.meta.glob('../../../workers/**/*.{ts,tsx}', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** Files whose refusals are tested beside what they do, with the test that does it. */
const REFUSED_BESIDE: Readonly<Record<string, string>> = {
  'agent.ts': 'leases/legacy-worker.test.ts',
  'machines.ts': 'machines/drain.test.ts',
};

const nameOf = (path: string) => path.split('/').at(-1) ?? '';

function isRow(value: unknown): value is Endpoint {
  return typeof value === 'object' && value !== null && 'method' in value && 'reply' in value;
}

function routeFacts(): RouteFacts {
  const declared = Object.entries(MODULES).map(([path, module]): [string, Endpoint[]] => [
    nameOf(path),
    Object.values(module).filter(isRow),
  ]);
  const tested = Object.values(TABLES_OF_REFUSALS).flatMap((source) =>
    [...source.matchAll(/spec\/contract\/(\w+\.ts)'/g)].map(([, file = '']) => file),
  );
  return {
    declared: Object.fromEntries(declared.filter(([, rows]) => rows.length > 0)),
    listed: ROWS,
    mounted: makeApp()
      .routes.filter((route) => route.method !== 'ALL' && /^\/api\/(cli|auth|admin)\//.test(route.path))
      .map((route) => `${route.method} ${route.path}`),
    refused: [...tested, ...Object.keys(REFUSED_BESIDE)],
  };
}

describe('a new route', () => {
  const row = { name: 'ringBell', method: 'POST', path: '/api/cli/bell', errors: ['not_found'] } as const;
  const facts = routeFacts();

  it('lacks no step today', () => {
    expect(Object.keys(facts.declared).length).toBeGreaterThan(6);
    expect(forgottenRouteSteps(facts)).toEqual([]);
  });

  it('that is declared and not listed is named with the list', () => {
    const declared = { ...facts.declared, 'bell.ts': [row] };
    expect(forgottenRouteSteps({ ...facts, declared })).toEqual([
      'ringBell of spec/contract/bell.ts is not in ROWS: add it to spec/contract/all-endpoints.ts.',
      'No test provokes the refusals of spec/contract/bell.ts: add a table in test/workers/routes.',
    ]);
  });

  it('that is listed and not mounted is named with the folder of handlers', () => {
    expect(forgottenRouteSteps({ ...facts, listed: [...facts.listed, row] })).toEqual([
      'ringBell (POST /api/cli/bell) has no handler: mount it in a file of workers/routes.',
    ]);
  });

  it('that is mounted without a row, or twice, is named', () => {
    const mounted = [...facts.mounted, 'POST /api/cli/bell', 'GET /api/cli/me'];
    expect(forgottenRouteSteps({ ...facts, mounted })).toEqual([
      'GET /api/cli/me is mounted twice: remove one of the handlers in workers/routes.',
      'POST /api/cli/bell is mounted without a row: declare it in spec/contract.',
    ]);
  });
});

const TABLES = Object.values({ ...schema, ...ideaSchema }).filter((one) => one instanceof Table);

async function columnFacts({ name, columns }: Table): Promise<ColumnFacts> {
  const { results } = await env.DB.prepare(`SELECT name FROM pragma_table_info('${name}')`).all<{
    name: string;
  }>();
  return {
    table: name,
    migrated: results.map((column) => column.name),
    declared: Object.entries(columns).map(([property, column]) => ({
      property,
      column: column.name,
    })),
    sources: Object.entries(SOURCES).flatMap(([path, source]) =>
      /^(idea-)?schema\.ts$/.test(nameOf(path)) ? [] : [source],
    ),
  };
}

describe('a new column', () => {
  it.each(TABLES.map((table) => ({ name: table.name, table })))(
    'of $name lacks no step today',
    async ({ table }) => {
      expect(forgottenColumnSteps(await columnFacts(table))).toEqual([]);
    },
  );

  const UNUSED =
    'Nothing writes or reads machines.bell_rung_at: name it in a statement of workers/store, and bellRungAt in a view or a service.';

  it('is named with the steps that are missing', async () => {
    const facts = await columnFacts(schema.machines);
    const declared = [...facts.declared, { property: 'bellRungAt', column: 'bell_rung_at' }];
    const sources = [...facts.sources, 'SET bell_rung_at = 1'];
    expect(forgottenColumnSteps({ ...facts, declared })).toEqual([
      'machines.bell_rung_at is in no migration: add the next file to migrations/.',
      UNUSED,
    ]);
    const migrated = [...facts.migrated, 'bell_rung_at'];
    expect(forgottenColumnSteps({ ...facts, migrated })).toEqual([
      'machines.bell_rung_at has no type: add it to the table in workers/store/schema.ts.',
    ]);
    expect(forgottenColumnSteps({ ...facts, declared, migrated })).toEqual([UNUSED]);
    expect(forgottenColumnSteps({ ...facts, declared, migrated, sources })).toEqual([]);
  });
});
