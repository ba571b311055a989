import { describe, expect, it } from 'vitest';
import { makeShape } from '../../../cli/output/select.ts';
import { Desk } from '../desk.ts';

const DOCUMENT = {
  ok: true,
  jobs: [
    { id: 'job_1', status: 'queued', target: { machineId: 'm-1' } },
    { id: 'job_2', status: 'running', target: { machineId: 'm-2' } },
  ],
  none: [],
  absent: undefined,
};

const fields = (names: string) => JSON.parse(makeShape(names)(DOCUMENT));

describe('--fields', () => {
  it('keeps the named fields and their place in the document', () => {
    expect(fields('ok')).toEqual({ ok: true });
    expect(fields('jobs.id, jobs.target.machineId,ok')).toEqual({
      jobs: [
        { id: 'job_1', target: { machineId: 'm-1' } },
        { id: 'job_2', target: { machineId: 'm-2' } },
      ],
      ok: true,
    });
    expect(fields('none.id')).toEqual({ none: [] });
  });

  it.each([
    ['nothing', 'Its fields there: ok, jobs, none, absent.'],
    ['jobs.color', 'Its fields there: id, status, target.'],
    ['ok.id', 'It has no fields there.'],
    ['__proto__', 'Its fields there: ok, jobs, none, absent.'],
  ])('an unknown field lists the valid ones: %s', (names, hint) => {
    const error = { code: 'usage', message: `The document has no field "${names}".`, hint };
    expect(() => fields(names)).toThrow(expect.objectContaining(error));
  });

  it('a blank name is an error', () => {
    expect(() => makeShape('ok,,jobs')).toThrow('--fields has a blank name.');
  });
});

describe('a command', () => {
  it('prints the selected part, as if with --json', async () => {
    using desk = new Desk();
    const { stdout } = await desk.orp(['link', 'session', 'list', '--fields=session_counts.total']);
    expect(JSON.parse(stdout)).toEqual({ session_counts: { total: 0 } });
  });

  it('does nothing when the names cannot be read', async () => {
    using desk = new Desk();
    const { code } = await desk.orp(['runner', 'enable', '--fields', ',']);
    expect(code).toBe(2);
    expect((await desk.json('runner', 'status')).machine).toMatchObject({ runner_enabled: false });
  });

  it('keeps the short forms of older options', async () => {
    using desk = new Desk();
    desk.write(`${desk.home}/prompt.md`, 'Hello.');
    const { error } = await desk.orp(['job', 'submit', '--f', `${desk.home}/prompt.md`]);
    expect(error?.code).toBe('no_target');
  });
});
