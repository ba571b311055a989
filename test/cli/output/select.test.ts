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

const fields = async (names: string) => JSON.parse((await makeShape({ fields: names }))(DOCUMENT));

describe('--fields', () => {
  it('keeps the named fields and their place in the document', async () => {
    expect(await fields('ok')).toEqual({ ok: true });
    expect(await fields('jobs.id, jobs.target.machineId,ok')).toEqual({
      jobs: [
        { id: 'job_1', target: { machineId: 'm-1' } },
        { id: 'job_2', target: { machineId: 'm-2' } },
      ],
      ok: true,
    });
    expect(await fields('none.id')).toEqual({ none: [] });
  });

  it.each([
    ['nothing', 'Its fields there: ok, jobs, none, absent.'],
    ['jobs.color', 'Its fields there: id, status, target.'],
    ['ok.id', 'It has no fields there.'],
    ['__proto__', 'Its fields there: ok, jobs, none, absent.'],
  ])('an unknown field lists the valid ones: %s', async (names, hint) => {
    const error = { code: 'usage', message: `The document has no field "${names}".`, hint };
    await expect(fields(names)).rejects.toMatchObject(error);
  });

  it('a blank name is an error', async () => {
    await expect(makeShape({ fields: 'ok,,jobs' })).rejects.toThrow('--fields has a blank name.');
  });
});

const hasJq = await makeShape({ jq: '.' }).then(
  () => true,
  () => false,
);
if (!hasJq) console.warn('The optional package jq-wasm is not installed: the tests of --jq are skipped.');

describe.runIf(hasJq)('--jq', () => {
  const filter = async (jq: string, names?: string) => (await makeShape({ jq, fields: names }))(DOCUMENT);

  it('prints each value on a line, and strings without quotes', async () => {
    expect(await filter('.jobs[].id')).toBe('job_1\njob_2\n');
    expect(await filter('.jobs[1].target, .ok')).toBe('{"machineId":"m-2"}\ntrue\n');
    expect(await filter('empty')).toBe('');
  });

  it.each([
    ['.missing // "none"', 'none\n'],
    ['keys', '["jobs","none","ok"]\n'],
    ['.jobs[1:] | length', '1\n'],
    ['[.jobs[] | select(.status | test("^RUN"; "i"))] | map(.id) | @csv', '"job_2"\n'],
    ['def ids: map(.id); .jobs | ids | join(" ") # as a line', 'job_1 job_2\n'],
    ['.jobs | group_by(.status) | map({(.[0].status): length}) | add', '{"queued":1,"running":1}\n'],
  ])('understands what jq understands: %s', async (jq, printed) => {
    expect(await filter(jq)).toBe(printed);
  });

  it('filters the selected fields', async () => {
    expect(await filter('.', 'jobs.id')).toBe('{"jobs":[{"id":"job_1"},{"id":"job_2"}]}\n');
  });

  it('says what is wrong with a filter, before it sees a document', async () => {
    await expect(makeShape({ jq: '.jobs | nonsense' })).rejects.toMatchObject({
      code: 'usage',
      message: '--jq ".jobs | nonsense" is not a jq filter: nonsense/0 is not defined.',
    });
    await expect(makeShape({ jq: ' ' })).rejects.toThrow('--jq is blank.');
    await expect(filter('.ok.id')).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('Cannot index boolean with string'),
    });
  });

  it('keeps the listeners for Ctrl-C', async () => {
    const listener = () => undefined;
    process.on('SIGINT', listener);
    await filter('.');
    expect(process.listeners('SIGINT')).toContain(listener);
    process.off('SIGINT', listener);
  });
});

describe('a command', () => {
  it('prints the selected part, as if with --json', async () => {
    using desk = new Desk();
    const { stdout } = await desk.orp(['link', 'session', 'list', '--fields=session_counts.total']);
    expect(JSON.parse(stdout)).toEqual({ session_counts: { total: 0 } });
  });

  it.runIf(hasJq)('filters its document, and does nothing when the filter is wrong', async () => {
    using desk = new Desk();
    const { stdout } = await desk.orp(['runner', 'status', '--jq', '.machine.runner_enabled']);
    expect(stdout).toBe('false\n');
    expect((await desk.orp(['runner', 'enable', '--jq', '.machine['])).error?.code).toBe('usage');
    expect((await desk.json('runner', 'status')).machine).toMatchObject({ runner_enabled: false });
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
    const { stdout } = await desk.orp(['runner', 'status', '--j']);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true });
  });
});
