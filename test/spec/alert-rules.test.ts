/** The ready alert rules: whole rules, about metrics and labels that the server writes, with a place that says what to do. */

import { readFileSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ALERT_KINDS } from '../../spec/overview/alerts.ts';
import { statsOf } from '../../spec/overview/stats.ts';
import { expose } from '../../workers/operations/exposition.ts';
import { metricsOf } from '../../workers/operations/metric-list.ts';

interface Rule {
  alert: string;
  expr: string;
  for: string;
  labels: { severity: string };
  annotations: { summary: string; runbook: string };
}

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const file = parse(read('docs/alert-rules.yml')) as { groups: { rules: Rule[] }[] };
const rules = file.groups.flatMap((group) => group.rules);

const written = expose(
  metricsOf({
    version: '1.0.0',
    newestMinuteAt: 0,
    stats: statsOf([], { queued: 0, active: 0, lost: 0 }, false),
    live: new Map(),
    ages: undefined,
    versions: [{ version: '1.0.0', machines: 1 }],
    alerts: Object.fromEntries(ALERT_KINDS.map((kind) => [kind, 0])) as Record<
      (typeof ALERT_KINDS)[number],
      number
    >,
  }),
);

/** The parts of an expression that the grammar of Prometheus does not understand. */
function mistakesIn(expr: string): string[] {
  const mistakes: string[] = [];
  parser.parse(expr).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) mistakes.push(`${from}: ${expr.slice(from, to + 20)}`);
    },
  });
  return mistakes;
}

describe('the alert rules', () => {
  it.each(rules.map((rule) => [rule.alert, rule.expr]))('%s is an expression of Prometheus', (_, expr) => {
    expect(mistakesIn(expr)).toEqual([]);
    expect(mistakesIn(`(${expr}`)).not.toEqual([]);
  });

  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s asks for series that the server writes',
    (_, rule) => {
      const metrics = rule.expr.match(/\borp_\w+/g) ?? [];
      for (const name of metrics) expect(written, name).toMatch(new RegExp(`^${name}[ {]`, 'm'));
      expect(metrics.length > 0 || rule.expr.startsWith('up{')).toBe(true);
      for (const [, name, label, value = ''] of rule.expr.matchAll(/(orp_\w+)\{(\w+)=~?"([^"]+)"\}/g)) {
        for (const one of value.split('|')) expect(written).toContain(`${name}{${label}="${one}"}`);
      }
    },
  );

  it('each have a time, a severity, a summary and a section of the operations page', () => {
    const headings = [...read('docs/operations.md').matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
      text
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(/\s/g, '-'),
    );
    for (const rule of rules) {
      expect(rule.for, rule.alert).toMatch(/^\d+[mhd]$/);
      expect(['page', 'ticket', 'info']).toContain(rule.labels.severity);
      expect(rule.annotations.summary).toMatch(/^\S.*\.$/);
      const [page, section] = rule.annotations.runbook.split('#');
      expect(page).toBe('docs/operations.md');
      expect(headings, rule.alert).toContain(section);
    }
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  it('name every kind of alert that an operator should hear about', () => {
    const text = rules.map(({ expr }) => expr).join(' ');
    const covered = ALERT_KINDS.filter((kind) => text.includes(kind));
    // The two others have rules of their own: `orp_leases` and `orp_jobs`.
    expect(covered).toEqual(ALERT_KINDS.filter((kind) => kind !== 'expired_lease' && kind !== 'lost_job'));
  });
});
