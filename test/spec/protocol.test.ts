import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BOUNDS, DEFAULT_ACCOUNT_LIMITS } from '../../spec/bounds.ts';
import { ROWS } from '../../spec/contract/all-endpoints.ts';
import { ERROR_CODES, HTTP_STATUS } from '../../spec/errors.ts';
import { MACHINE_CONDITIONS } from '../../spec/job/condition.ts';
import { FAILURE_KINDS, MAX_CHUNK_BYTES, MAX_PROMPT_BYTES, MAX_RESULT_BYTES } from '../../spec/job/kinds.ts';
import { RELEASE_REASONS } from '../../spec/job/release.ts';
import { JOB_STATUSES, JOB_VERBS, TRANSITIONS } from '../../spec/job/status.ts';
import { WAITING_CODES } from '../../spec/job/waiting.ts';

const PROTOCOL = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');

/** The rows of the transition table in the document, by verb. */
function documentedTransitions(): Record<string, { from: string[]; to: string }> {
  const rows = PROTOCOL.split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, verb]) => (JOB_VERBS as readonly string[]).includes(verb ?? ''));
  return Object.fromEntries(
    rows.map(([, verb = '', from = '', to = '']) => [verb, { from: from.split(', ').sort(), to }]),
  );
}

describe('docs/protocol.md', () => {
  it('has the transition table of spec/, verb by verb', () => {
    const inSpec = Object.fromEntries(
      JOB_VERBS.map((verb) => [verb, { from: [...TRANSITIONS[verb].from].sort(), to: TRANSITIONS[verb].to }]),
    );
    expect(documentedTransitions()).toEqual(inSpec);
  });

  it('draws every status in its diagram', () => {
    const diagram = PROTOCOL.slice(PROTOCOL.indexOf('```\nqueued'), PROTOCOL.indexOf('| verb |'));
    for (const status of JOB_STATUSES) expect(diagram).toContain(status);
  });

  it('has the table of bounds of spec/, row by row', () => {
    const table = PROTOCOL.slice(PROTOCOL.indexOf('## Bounds'));
    const rows = [...table.matchAll(/^\| `([a-zA-Z]+)` \| (\d+) \|/gm)].map(([, name = '', value]) => [
      name,
      Number(value),
    ]);
    expect(Object.fromEntries(rows)).toEqual({
      promptBytes: MAX_PROMPT_BYTES,
      resultBytes: MAX_RESULT_BYTES,
      chunkBytes: MAX_CHUNK_BYTES,
      ...BOUNDS,
      ...DEFAULT_ACCOUNT_LIMITS,
    });
  });

  it('gives every error code that it lists the status of spec/', () => {
    const list = PROTOCOL.slice(PROTOCOL.indexOf('Branch on `code`'), PROTOCOL.indexOf('Every request gets'));
    const listed: [string, number][] = [];
    for (const [, codes = '', status] of list.matchAll(/((?:`[a-z_]+`(?:, | and | are |\s)*)+)(\d{3})/g)) {
      for (const [, code = ''] of codes.matchAll(/`([a-z_]+)`/g)) listed.push([code, Number(status)]);
    }
    expect(listed.length).toBeGreaterThan(10);
    const inSpec = listed.map(([code]) => [
      code,
      new Map<string, number>(Object.entries(HTTP_STATUS)).get(code),
    ]);
    expect(listed).toEqual(inSpec);
  });

  it('names only codes of the closed sets of spec/', () => {
    const known = new Set<string>([
      ...ERROR_CODES,
      ...MACHINE_CONDITIONS,
      ...RELEASE_REASONS,
      ...WAITING_CODES,
      ...FAILURE_KINDS,
    ]);
    const named = [...PROTOCOL.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, code = '']) => code);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((code) => !known.has(code))).toEqual([]);
  });

  it('names paths that exist', () => {
    const written = PROTOCOL.matchAll(/(?:GET|POST|PUT|DELETE) (\/api\/[a-zA-Z/:-]+)/g);
    const paths = [...written].map(([, path = '']) => path.replace('jobs/:id', 'jobs/:jobId'));
    expect(paths.length).toBeGreaterThan(3);
    for (const path of paths) expect(ROWS.map((row): string => row.path)).toContain(path);
  });
});
