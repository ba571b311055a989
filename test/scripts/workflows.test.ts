/** The habits of the repository: CI calls `.ci/run` on Linux and macOS, and a release publishes only what was tested. */

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { projectPath } from '../../scripts/local/project-path.ts';

interface Job {
  needs?: string;
  strategy?: { matrix: { os: string[] } };
  permissions?: Record<string, string>;
  'timeout-minutes'?: number;
  steps: { uses?: string; run?: string; with?: Record<string, unknown>; env?: Record<string, string> }[];
}

interface Workflow {
  permissions: Record<string, string>;
  jobs: Record<string, Job>;
}

const read = (path: string) => readFileSync(projectPath(path), 'utf8');
const workflow = (name: string) => parse(read(`.github/workflows/${name}.yml`)) as Workflow;
const runs = (job: Job | undefined) => (job?.steps ?? []).map(({ run }) => run ?? '');

describe('the workflows', () => {
  it('check every commit with .ci/run, on Linux and on macOS, with the whole history', () => {
    const { test } = workflow('ci').jobs;
    expect(test?.strategy?.matrix.os.map((os) => os.split('-')[0])).toEqual(['ubuntu', 'macos']);
    expect(runs(test)).toContain('.ci/run');
    const checkout = test?.steps.find(({ uses }) => uses?.startsWith('actions/checkout@'));
    expect(checkout?.with).toMatchObject({ 'fetch-depth': 0, 'persist-credentials': false });
  });

  it('publish after the tests, the packed file, with provenance and a checksum, once', () => {
    const { test, publish } = workflow('release').jobs;
    expect(runs(test)).toContain('.ci/run');
    expect(publish?.needs).toBe('test');
    expect(publish?.permissions).toEqual({ contents: 'write', 'id-token': 'write' });
    const order = [
      /test "v\$\(node/,
      /release\/guard\.ts/,
      /npm pack /,
      /sha256sum/,
      /npm install --offline/,
      /npm publish .*\.tgz .*--provenance/s,
    ];
    const found = order.map((pattern) => runs(publish).findIndex((run) => pattern.test(run)));
    expect(found).not.toContain(-1);
    expect(found).toEqual(found.toSorted((one, other) => one - other));
    expect(runs(publish).join('\n')).toContain('is published already');
  });

  it.each(['ci', 'release'])(
    '%s may read only, ends in time, and puts no foreign text into a shell',
    (name) => {
      const { permissions, jobs } = workflow(name);
      expect(permissions).toEqual({ contents: 'read' });
      for (const job of Object.values(jobs)) {
        expect(job['timeout-minutes']).toBeLessThanOrEqual(100);
        for (const run of runs(job)) expect(run).not.toContain('${{');
      }
    },
  );

  it('update npm packages and actions', () => {
    const { updates } = parse(read('.github/dependabot.yml')) as {
      updates: { 'package-ecosystem': string }[];
    };
    expect(new Set(updates.map((update) => update['package-ecosystem']))).toEqual(
      new Set(['npm', 'github-actions']),
    );
  });
});

describe('CONTRIBUTING.md', () => {
  it('fits on a page, names files that exist and scripts that there are', () => {
    const text = read('CONTRIBUTING.md');
    expect(text.split(/\s+/).length).toBeLessThan(800);
    for (const [, path = ''] of text.matchAll(/\]\(([^)#]+)/g))
      expect(existsSync(projectPath(path)), path).toBe(true);
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const [, name = ''] of text.matchAll(/npm run ([\w:]+)/g))
      expect(Object.keys(scripts)).toContain(name);
  });
});
