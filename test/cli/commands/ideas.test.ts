import { describe, expect, it } from 'vitest';
import { Desk } from '../desk.ts';
import { type Answer, type Asked, RecordingServer, type Script } from '../recording-server.ts';

const IDEA = {
  id: 'ide_77',
  title: 'Tidal survey',
  visibility: 'private',
  githubUrl: 'https://github.com/mira/survey',
  updatedAt: '2026-04-01T08:00:00.120Z',
};
const WORLD = { id: 'wor_3', name: 'survey', projectRoot: '/home/mira/survey', status: 'active' };

/** Runs one command against a service that answers so; returns what was asked and printed. */
async function run(words: readonly string[], script: Script, start = RecordingServer.start) {
  await using server = await start(script);
  using desk = new Desk();
  desk.signIn(server.url);
  const { code, stdout, error } = await desk.orp(words);
  return { code, stdout, error, asked: server.asked };
}

const answering = (body: Answer['body']) => (): Answer => ({ body });
const showThen =
  (body: Answer['body']) =>
  ({ method }: Asked): Answer => ({ body: method === 'GET' ? { idea: IDEA, features: [] } : body });

describe('orp ideas list', () => {
  it('prints a row for each idea and the cursor of the next page', async () => {
    const body = { items: [IDEA, { id: 'ide_2', title: null }], nextCursor: 'b2Zm', sort: 'updated_desc' };
    const { stdout, asked } = await run(['ideas', 'list', '--deleted', '--cursor', 'x y'], answering(body));
    expect(asked[0]?.query).toBe('limit=25&cursor=x%20y&sort=updated_desc&deleted=1');
    expect(stdout).toBe(`ideas.count=2
cursor=b2Zm
has_more=true
sort=updated_desc
---
idea.id=ide_77
idea.title=Tidal survey
idea.visibility=private
idea.updated_at=2026-04-01T08:00:00.120Z
---
idea.id=ide_2
idea.title=
idea.visibility=
idea.updated_at=
`);
  });

  it('as JSON, the ideas are unchanged', async () => {
    const { stdout } = await run(['ideas', 'list', '--json'], answering({ ideas: [IDEA], hasMore: false }));
    expect(JSON.parse(stdout)).toEqual({ ideas: [IDEA], cursor: '', has_more: false, sort: 'updated_desc' });
  });
});

describe('an answer that is no list', () => {
  it.each([
    ['an array', [IDEA]],
    ['nothing', undefined],
    ['an object without a list', { ok: true }],
    ['a list under the wrong name', { ok: true, ideas: { id: 'ide_77' } }],
  ])('is never shown as an empty one: %s', async (_, body) => {
    for (const words of [
      ['ideas', 'list'],
      ['job', 'list'],
    ]) {
      const answer = () => ({ status: body ? 200 : 204, body });
      const { code, stdout, error } = await run(words, answer, RecordingServer.startNewest);
      expect([code, stdout, error?.code]).toEqual([2, '', 'unexpected_answer']);
    }
  });
});

describe('orp idea', () => {
  it.each([
    ['wrapped', { ok: true, idea: IDEA, features: [{ id: 'fea_1' }] }],
    ['flat', { ...IDEA, features: [{ id: 'fea_1' }] }],
    ['with features inside', { idea: { ...IDEA, features: [{ id: 'fea_1' }] } }],
  ])('show reads an idea that is %s', async (_, body) => {
    const { stdout } = await run(['idea', 'show', 'ide_77', '--json'], answering(body));
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ ok: true, idea: IDEA, features: [{ id: 'fea_1' }] });
    expect(document.idea.features).toEqual(document.features);
  });

  it('add sends the given fields, and prints flat and wrapped answers in the same way', async () => {
    const words = ['idea', 'add', '--title', ' Tidal survey ', '--summary', 'the plan', '--github-url', ' '];
    const { stdout, asked } = await run(words, answering({ ok: true, idea: IDEA }));
    expect(asked[0]).toMatchObject({
      method: 'POST',
      path: '/api/cli/ideas',
      body: { title: 'Tidal survey', notes: 'the plan', githubUrl: null },
    });
    expect(stdout).toBe('idea.id=ide_77\nidea.title=Tidal survey\nidea.visibility=private\n');
  });

  it('update sends back the exact time it read, so that a newer change is not overwritten', async () => {
    const { asked, code } = await run(['idea', 'update', 'ide_77', '--notes', ''], showThen({ ...IDEA }));
    expect(code).toBe(0);
    expect(asked.map(({ method }) => method)).toEqual(['GET', 'PATCH']);
    expect(asked[1]?.body).toEqual({ notes: '', updatedAt: '2026-04-01T08:00:00.120Z' });
  });

  it('update reports a conflict, and a change that changes nothing', async () => {
    const conflict = await run(['idea', 'update', 'ide_77', '--title', 'x'], ({ method }) =>
      method === 'GET'
        ? { body: { idea: IDEA } }
        : { status: 409, body: { error: 'changed', code: 'record_changed' } },
    );
    expect(conflict).toMatchObject({ code: 2, error: { code: 'record_changed' } });
    const nothing = await run(['idea', 'update', 'ide_77'], answering({}));
    expect(nothing).toMatchObject({ code: 2, asked: [], error: { message: 'No change given.' } });
    const blank = await run(['idea', 'update', 'ide_77', '--title', ' '], answering({}));
    expect(blank).toMatchObject({ code: 2, asked: [] });
  });

  it('remove and restore say what became of the idea', async () => {
    const removed = await run(
      ['idea', 'remove', 'ide_77', '--purge'],
      answering({ ok: true, removedIdeaId: 'ide_77', mode: 'purge' }),
    );
    expect(removed.asked[0]).toMatchObject({ method: 'DELETE', query: 'purge=1', body: undefined });
    expect(removed.stdout).toBe('idea.id=ide_77\nmode=purge\nok=true\n');
    const restored = await run(['idea', 'restore', 'ide_77'], answering(IDEA));
    expect(restored.asked[0]).toMatchObject({ path: '/api/cli/ideas/ide_77/restore', body: {} });
    expect(restored.stdout).toContain('ok=true\n');
  });

  it('a purge says on a terminal how many jobs it cancelled', async () => {
    const answer = { ok: true, removedIdeaId: 'ide_77', mode: 'purge', cancelledJobs: 2 };
    await using server = await RecordingServer.start(answering(answer));
    using desk = new Desk();
    desk.signIn(server.url);
    desk.isTerminal = true;
    const { stdout } = await desk.orp(['idea', 'remove', 'ide_77', '--purge']);
    expect(stdout).toBe('✓ Deleted ide_77 permanently. 2 unfinished jobs were cancelled.\n');
  });

  it('a title cannot control the terminal of the person who lists it', async () => {
    const title = 'a\u001b]0;owned\u0007\nidea.id=forged';
    const { stdout } = await run(['idea', 'show', 'x'], answering({ ...IDEA, title }));
    expect(stdout.split('\n')).toHaveLength(6);
    expect(stdout).not.toContain('\u001b');
  });
});

describe('orp world', () => {
  it('show prints the binding, also when there is none', async () => {
    const bound = await run(['world', 'show', 'ide_77'], answering({ ok: true, world: WORLD }));
    expect(bound.stdout).toBe(
      'world.id=wor_3\nworld.name=survey\nworld.project_root=/home/mira/survey\nworld.github_url=\nworld.codex_session_id=\nworld.status=active\n',
    );
    const none = await run(['world', 'show', 'ide_77', '--json'], answering({ ok: true }));
    expect(JSON.parse(none.stdout)).toEqual({ ok: true, world: {} });
  });

  it('bind sends only the given fields; a blank value clears a field; credentials are not sent', async () => {
    const words = [
      'world',
      'bind',
      'ide_77',
      '--codex-session-id',
      '',
      '--github-url',
      'https://u:p@github.com/a/b',
    ];
    const { asked } = await run(words, answering(WORLD));
    expect(asked[0]?.body).toEqual({ codexSessionId: null, githubUrl: 'https://github.com/a/b' });
    expect((await run(['world', 'bind', 'ide_77'], answering(WORLD))).asked[0]?.body).toEqual({});
  });
});

describe('orp checkpoint queue', () => {
  it('sends the whole selection, and prints the checkpoint', async () => {
    const body = { ok: true, id: 'chk_31', status: 'queued', worldId: 'wor_3', ideaId: 'ide_77' };
    const { asked, stdout } = await run(['checkpoint', 'queue', '--idea-id', 'ide_77'], answering(body));
    expect(asked[0]?.body).toEqual({
      triggerType: 'agent-feedback',
      contextSelection: {
        includeIdeaTitle: true,
        includeCorePlan: true,
        includeGithub: true,
        includeRepoBinding: true,
        includePreviousResponseSummaries: false,
        featureIds: [],
        detailSectionRefs: [],
        userNote: '',
      },
    });
    expect(stdout).toBe(
      'checkpoint.id=chk_31\ncheckpoint.status=queued\ncheckpoint.world_id=wor_3\ncheckpoint.idea_id=ide_77\n',
    );
    const { stdout: named } = await run(
      ['checkpoint', 'queue', '--idea-id', 'ide_77'],
      answering({ ...body, jobId: 'job_1' }),
    );
    expect(named).toBe(`${stdout}job.id=job_1\nnext=orp job wait job_1\n`);
  });

  it('a focus is told and selected', async () => {
    const words = [
      'checkpoint',
      'queue',
      '--idea-id',
      'i',
      '--feature-id',
      'fea_1',
      '--detail-section-id',
      'det_1',
    ];
    const { asked } = await run([...words, '--skip-github'], answering({}));
    expect(asked[0]?.body).toMatchObject({
      featureId: 'fea_1',
      detailSectionId: 'det_1',
      contextSelection: {
        includeGithub: false,
        featureIds: ['fea_1'],
        detailSectionRefs: [{ featureId: 'fea_1', detailSectionId: 'det_1' }],
      },
    });
  });
});
