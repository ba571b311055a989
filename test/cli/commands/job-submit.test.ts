import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { takenOrder } from '../a-job.ts';
import { Desk } from '../desk.ts';
import { RecordingServer } from '../recording-server.ts';

const NO_HOSTED_SIDE = 'http://127.0.0.1:1';
const SUBMIT = ['job', 'submit', 'Count the gauges.'];

const TORN = ['{"idea_id": "ide', '{"idea_id": ""}'];

describe('where a submitted prompt goes', () => {
  it('is the linked repository one is in', async () => {
    await using server = await RecordingServer.startNewest(takenOrder);
    using desk = new Desk();
    desk.signIn(server.url);
    desk.linkTo('ide_77');
    expect(await desk.orp(SUBMIT)).toMatchObject({ code: 0, stderr: '' });
    expect(server.only.body).toMatchObject({ ideaId: 'ide_77', projectRoot: desk.repo });
  });

  it('is shown in text and in JSON if it is not the named session', async () => {
    const note =
      'No synced session is called nope; Main will answer. Use --session-fallback none to wait for it.';
    const { status, body } = takenOrder();
    const waiting = {
      code: 'next_poll',
      message: 'workbench listens.',
      since: '2026-04-01T10:00:00.000Z',
      note,
    };
    const answer = () => ({ status, body: { ...body, job: { ...body.job, waiting } } });
    await using server = await RecordingServer.startNewest(answer);
    using desk = new Desk();
    desk.signIn(server.url);
    const words = [...SUBMIT, '--orp-session-id', 'nope'];
    expect((await desk.orp(words)).stdout).toContain(note);
    const { stdout } = await desk.orp([...words, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ job: { waiting: { note } } });
  });

  it.each(TORN)('is never guessed when the link is %s', async (text) => {
    using desk = new Desk();
    desk.signIn(NO_HOSTED_SIDE);
    desk.write(join(desk.link, 'project.json'), text);
    for (const words of [SUBMIT, SUBMIT, [...SUBMIT, '--orp-session-id', 'main']]) {
      const { code, stdout, error } = await desk.orp(words);
      expect([code, stdout, error?.code]).toEqual([2, '', 'torn_state']);
      expect(error?.message).toContain(join(desk.link, 'project.json'));
      expect(error?.hint).toContain('orp link project bind');
    }
  });

  it.each([
    ['outside of git', (desk: Desk) => ['--repo-root', desk.home]],
    ['in a repository that is not linked', () => []],
  ])('must be said %s', async (_, words) => {
    await using server = await RecordingServer.startNewest(takenOrder);
    using desk = new Desk();
    desk.signIn(server.url);
    const refused = await desk.orp([...words(desk), ...SUBMIT]);
    expect([refused.code, refused.stdout, refused.error?.code]).toEqual([2, '', 'no_target']);
    expect(refused.error?.message).toMatch(/^No target given, and \/.* is not a linked repository\.$/);
    expect(refused.error?.hint).toContain('--anywhere');
    expect(server.asked).toEqual([]);

    expect((await desk.orp([...words(desk), ...SUBMIT, '--anywhere'])).code).toBe(0);
    expect((await desk.orp([...words(desk), ...SUBMIT, '--orp-session-id', 'main'])).code).toBe(0);
    expect(server.asked.map(({ body }) => body)).toEqual([
      { prompt: 'Count the gauges.' },
      { prompt: 'Count the gauges.', orpSessionId: 'main' },
    ]);
  });

  it('cannot be both --anywhere and a named target', async () => {
    using desk = new Desk();
    desk.signIn(NO_HOSTED_SIDE);
    const { error } = await desk.orp([...SUBMIT, '--anywhere', '--machine-id', 'mach-1']);
    expect(error).toMatchObject({ code: 'usage', exitCode: 2 });
  });
});

describe('what a usage limit does to a submitted job', () => {
  const WORDS = [...SUBMIT, '--anywhere'];

  it('is part of the order, and absent when nothing is said', async () => {
    await using server = await RecordingServer.startNewest(takenOrder);
    using desk = new Desk();
    desk.signIn(server.url);
    expect((await desk.orp([...WORDS, '--on-usage-limit', 'fail'])).code).toBe(0);
    expect((await desk.orp(WORDS)).code).toBe(0);
    const bodies = server.asked.filter(({ method }) => method === 'POST').map(({ body }) => body);
    expect(bodies[0]).toMatchObject({ onUsageLimit: 'fail' });
    expect(bodies[1]).not.toHaveProperty('onUsageLimit');
  });

  it('is an error with a server that does not know it, and nothing is queued', async () => {
    await using server = await RecordingServer.startNewest(takenOrder);
    server.announce({ without: ['usage-limit'] });
    using desk = new Desk();
    desk.signIn(server.url);
    const { error } = await desk.orp([...WORDS, '--on-usage-limit', 'wait']);
    expect(error).toMatchObject({
      code: 'not_offered',
      message: expect.stringContaining('--on-usage-limit'),
    });
    expect(server.asked.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  it('is one of two words', async () => {
    using desk = new Desk();
    desk.signIn(NO_HOSTED_SIDE);
    const { error } = await desk.orp([...WORDS, '--on-usage-limit', 'later']);
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining('--on-usage-limit') });
  });
});

describe('an own idempotency key', () => {
  const KEYED = [...SUBMIT, '--anywhere', '--idempotency-key'];

  it('goes with times that are said in full, so that the same words are the same request', async () => {
    await using server = await RecordingServer.startNewest(takenOrder);
    using desk = new Desk();
    desk.signIn(server.url);
    const words = [...KEYED, ' k-1 ', '--not-before', '2026-04-01T18:00Z', '--expires-at', '2026-04-03'];
    expect((await desk.orp(words)).code).toBe(0);
    desk.now += 60_000;
    expect((await desk.orp(words)).code).toBe(0);
    const [first, second] = server.asked;
    expect(first?.headers['idempotency-key']).toBe('k-1');
    expect(second?.headers['idempotency-key']).toBe('k-1');
    expect(second?.body).toEqual(first?.body);
  });

  it.each(['--not-before', '--expires-at'])('is refused together with a duration after %s', async (flag) => {
    await using server = await RecordingServer.startNewest(takenOrder);
    using desk = new Desk();
    desk.signIn(server.url);
    const { error } = await desk.orp([...KEYED, 'k-1', flag, '1h']);
    expect(error).toMatchObject({ code: 'usage', exitCode: 2, message: expect.stringContaining(flag) });
    expect(error?.hint).toContain(`${flag} 2026-04-01T18:00:00Z`);
    expect(server.asked).toEqual([]);
    expect((await desk.orp([...SUBMIT, '--anywhere', flag, '1h'])).code).toBe(0);
  });

  it.each(['', '  ', 'two words', 'schlüssel', 'k'.repeat(129)])('is not %j', async (key) => {
    await using server = await RecordingServer.startNewest(takenOrder);
    using desk = new Desk();
    desk.signIn(server.url);
    const { error } = await desk.orp([...KEYED, key]);
    expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining('--idempotency-key') });
    expect(server.asked).toEqual([]);
  });
});

describe('a project link that cannot be read', () => {
  it('is kept beside the new one when the repository is linked again', async () => {
    await using server = await RecordingServer.startNewest(() => ({
      body: { ok: true, world: { id: 'wor_3' } },
    }));
    using desk = new Desk();
    desk.signIn(server.url);
    for (const text of TORN) {
      desk.write(join(desk.link, 'project.json'), text);
      await desk.json('link', 'project', 'bind', '--idea-id', 'ide_77');
      desk.now += 1000;
    }
    const kept = readdirSync(desk.link).filter((name) => name.startsWith('project.json.torn-'));
    expect(kept.sort().map((name) => desk.read(join(desk.link, name)))).toEqual(TORN);
  });
});
