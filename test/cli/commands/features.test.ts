import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { type Answer, type Asked, RecordingServer, type Script } from '../recording-server.ts';

const AT = '2026-04-01T07:00:00.000Z';
const GRID = {
  id: 'fea_9',
  ideaId: 'ide_77',
  title: 'Sampling grid',
  updatedAt: AT,
  detailSections: [
    { id: 'det_1', label: 'Spacing', body: '10 m' },
    { id: 'det_2', label: 'Depth', body: '5 m deep' },
  ],
};
const IDEA = { id: 'ide_77', title: 'Tidal survey', updatedAt: AT };

/** A server with one idea and its features, which answers every change with the feature. */
const server =
  (features: readonly object[] = [GRID]) =>
  ({ method }: Asked): Answer => ({
    body: method === 'GET' ? { ok: true, idea: IDEA, features } : { ok: true, ...GRID, feature: GRID },
  });

/** Runs one command in a repository with these files. */
async function run(
  words: readonly string[],
  { script = server(), files = {} }: { script?: Script; files?: Record<string, string> } = {},
) {
  await using service = await RecordingServer.start(script);
  using desk = new Desk();
  desk.signIn(service.url);
  for (const [name, text] of Object.entries(files)) desk.write(join(desk.repo, name), text);
  const outcome = await desk.orp(words);
  return { ...outcome, asked: service.asked, change: service.asked.at(-1)?.body };
}

const UPDATE = ['feature', 'update', 'fea_9', '--idea-id', 'ide_77'];
const ADD = ['feature', 'add', '--idea-id', 'ide_77', '--title', 'Sampling grid'];

describe('orp feature list and show', () => {
  it('lists the features of an idea in a pipe and as JSON', async () => {
    const plain = await run(['feature', 'list', 'ide_77']);
    expect(plain.stdout).toBe(
      `idea.id=ide_77\nidea.title=Tidal survey\nfeatures.count=1\n---\nfeature.id=fea_9\nfeature.title=Sampling grid\nfeature.updated_at=${AT}\n`,
    );
    const json = await run(['feature', 'list', 'ide_77', '--json']);
    expect(JSON.parse(json.stdout)).toEqual({
      idea_id: 'ide_77',
      idea_title: 'Tidal survey',
      features: [GRID],
    });
  });

  it('shows one feature, also by the beginning of its id', async () => {
    const { stdout } = await run(['feature', 'show', 'fea', '--idea-id', 'ide_77', '--json']);
    expect(JSON.parse(stdout)).toEqual({ idea_id: 'ide_77', feature: GRID });
  });

  it('an unknown id and an ambiguous beginning exit with 2 and say what to do', async () => {
    const unknown = await run(['feature', 'show', 'fea_1', '--idea-id', 'ide_77']);
    expect(unknown).toMatchObject({ code: 2, stdout: '', error: { code: 'not_found' } });
    expect(unknown.error?.hint).toContain('orp feature list ide_77');
    const two = server([GRID, { ...GRID, id: 'fea_99' }]);
    const ambiguous = await run(['feature', 'show', 'fea', '--idea-id', 'ide_77'], { script: two });
    expect(ambiguous).toMatchObject({ code: 2, error: { code: 'ambiguous_id' } });
    const exact = await run(['feature', 'show', 'fea_9', '--idea-id', 'ide_77', '--json'], { script: two });
    expect(JSON.parse(exact.stdout)).toMatchObject({ feature: { id: 'fea_9' } });
  });
});

describe('orp feature add', () => {
  it('sends what v0.4.4 sends, and prints flat and wrapped answers in the same way', async () => {
    const words = [...ADD, '--notes', '', '--detail', '10 m', '--starred'];
    const { change, stdout } = await run(words, { script: () => ({ body: { ok: true, feature: GRID } }) });
    expect(change).toEqual({
      ideaId: 'ide_77',
      title: 'Sampling grid',
      notes: '',
      detail: '10 m',
      details: [{ label: 'Detail', body: '10 m' }],
      starred: true,
    });
    expect(stdout).toBe('feature.id=fea_9\nfeature.title=Sampling grid\nidea.id=ide_77\n');
  });

  it.each([
    ['a list', '[{"label":"A","body":"a"},"b",null,{"label":"empty"},{"id":"det_7"}]'],
    [
      'an object with detailSections',
      '{"detailSections":[{"label":"A","body":"a"},"b",null,{"id":"det_7"}]}',
    ],
    [
      'an object with details',
      '{"details":[{"detailLabel":"A","detail":"a"},{"label":" ","body":"b"},{"id":"det_7"}]}',
    ],
  ])('reads the sections from %s', async (_name, json) => {
    const { change } = await run([...ADD, '--details-json', json, '--detail', 'loses']);
    expect(change).toMatchObject({
      details: [
        { label: 'A', body: 'a' },
        { label: 'Detail', body: 'b' },
        { label: 'Detail', body: '', id: 'det_7' },
      ],
    });
    expect(change).not.toHaveProperty('detail');
  });

  it.each([
    ['one section', '{"label":"A","body":"a"}', [{ label: 'A', body: 'a' }]],
    ['one text', '"a"', [{ label: 'Detail', body: 'a' }]],
  ])(
    'reads %s from a file beside the caller; the file wins over inline JSON',
    async (_name, text, details) => {
      const words = [...ADD, '--details-file', 's.json', '--details-json', '[]'];
      const { change } = await run(words, { files: { 's.json': text } });
      expect(change).toMatchObject({ details });
    },
  );

  it.each([
    [['--details-json', '{oops'], '--details-json is not JSON.'],
    [['--details-json', '12'], '--details-json has no sections.'],
    [['--details-json', '[12]'], '--details-json has an entry that is no section.'],
    [['--details-file', 'none.json'], 'File not found'],
    [['--completed', '--incomplete'], 'exclude each other'],
    [['--title', ' '], '--title is blank.'],
  ])('rejects %j before it asks the server', async (words, message) => {
    const { code, asked, error } = await run([...ADD, ...words]);
    expect([code, asked.length]).toEqual([2, 0]);
    expect(error?.message).toContain(message);
    expect(error?.hint).not.toBe('');
  });
});

describe('orp feature update', () => {
  it('changes the first section, keeps the others, and sends the time that it read', async () => {
    const { asked, change } = await run([...UPDATE, '--detail', '5 m']);
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /api/cli/ideas/ide_77',
      'PATCH /api/cli/features/fea_9',
    ]);
    expect(change).toEqual({
      ideaId: 'ide_77',
      detail: '5 m',
      details: [
        { id: 'det_1', label: 'Spacing', body: '5 m' },
        { id: 'det_2', label: 'Depth', body: '5 m deep' },
      ],
      updatedAt: AT,
    });
  });

  it('keeps the one section of an old server that has only the flat fields', async () => {
    const { detailSections: _, ...rest } = GRID;
    const old = server([{ ...rest, detail: '10 m', detailLabel: 'Spacing' }]);
    const { change } = await run([...UPDATE, '--detail-label', 'Distance'], { script: old });
    expect(change).toMatchObject({ detailLabel: 'Distance', details: [{ label: 'Distance', body: '10 m' }] });
  });

  it('clears the sections first of all', async () => {
    const { change } = await run([...UPDATE, '--clear-details', '--details-json', '["a"]', '--detail', 'b']);
    expect(change).toEqual({ ideaId: 'ide_77', details: [], updatedAt: AT });
  });

  it.each([
    ['--completed', true],
    ['--incomplete', false],
  ])('%s alone needs no precondition', async (flag, completed) => {
    expect((await run([...UPDATE, flag])).change).toEqual({ ideaId: 'ide_77', completed });
    const both = await run([...UPDATE, flag, '--title', 'Grid']);
    expect(both.change).toMatchObject({ completed, updatedAt: AT });
  });

  it('says that nothing was given, and reports a conflict', async () => {
    const nothing = await run(UPDATE);
    expect(nothing).toMatchObject({ code: 2, asked: [], error: { message: 'No change given.' } });
    const conflict = await run([...UPDATE, '--title', 'x'], {
      script: (asked) =>
        asked.method === 'GET'
          ? server()(asked)
          : { status: 409, body: { error: 'changed', code: 'record_changed' } },
    });
    expect(conflict).toMatchObject({ code: 2, error: { code: 'record_changed' } });
  });
});

describe('orp feature remove', () => {
  it('prints the removed feature and its idea', async () => {
    const answer = { ok: true, removedFeatureId: 'fea_9', ideaId: 'ide_77' };
    const { asked, stdout } = await run(['feature', 'remove', 'fea_9'], { script: () => ({ body: answer }) });
    expect(asked[0]).toMatchObject({ method: 'DELETE', path: '/api/cli/features/fea_9', query: '' });
    expect(stdout).toBe('feature.id=fea_9\nidea.id=ide_77\nok=true\n');
  });
});

describe('on a terminal', () => {
  it('shows the marks, the notes and each section of a feature', async () => {
    await using service = await RecordingServer.start(
      server([{ ...GRID, starred: true, completed: true, notes: 'Notes.\u001b[2J' }]),
    );
    using desk = new Desk();
    desk.signIn(service.url);
    desk.isTerminal = true;
    const { stdout } = await desk.orp(['feature', 'show', 'fea_9', '--idea-id', 'ide_77']);
    expect(stdout).toContain('Sampling grid\n');
    expect(stdout).toContain('completed, starred');
    expect(stdout).toContain('\nSpacing\n10 m\n\nDepth\n5 m deep\n');
    expect(stdout).not.toContain('\u001b[2J');
    expect((await desk.orp(['feature', 'list', 'ide_77'])).stdout).toMatch(/fea_9 +\w+ +✓ ★ Sampling grid/);
  });
});
