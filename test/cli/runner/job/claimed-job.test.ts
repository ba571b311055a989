import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPollAnswer } from '../../../../cli/runner/job/claimed-job.ts';

function jobOf(body: unknown) {
  const answer = readPollAnswer(body);
  if (answer.kind !== 'job') throw new Error(answer.kind);
  return answer;
}

describe('the answer of a poll', () => {
  it.each([
    [{}],
    [{ job: null }],
    [{ ok: true, job: null }],
    [{ job: {} }],
    [{ job: 'x' }],
    [null],
    [[]],
    [{ payload: null }],
  ])('is idle: %j', (body) => {
    expect(readPollAnswer(body)).toEqual({ kind: 'idle' });
  });

  it('is read from the places of the contract', () => {
    const { job, lease } = jobOf({
      leaseId: 'lea_9',
      leaseExpiresAt: '2026-04-01T10:02:00Z',
      job: {
        id: 'job_42',
        kind: 'idea.checkpoint',
        ideaId: 'ide_77',
        checkpointId: 'chk_31',
        payload: {
          prompt: '  Review.  ',
          worldId: 'wor_3',
          projectRoot: '/home/mira/survey',
          orpSessionId: 'orp-main',
          codexSessionId: 'codex-1',
        },
      },
    });

    expect(job).toMatchObject({
      id: 'job_42',
      kind: 'idea.checkpoint',
      prompt: 'Review.',
      ideaId: 'ide_77',
      worldId: 'wor_3',
      checkpointId: 'chk_31',
      projectRoot: '/home/mira/survey',
      orpSessionId: 'orp-main',
      codexSessionId: 'codex-1',
    });
    expect(lease).toEqual({ leaseId: 'lea_9', expiresAt: '2026-04-01T10:02:00Z' });
  });

  it('is read in snake_case, and from project and session', () => {
    const { job } = jobOf({
      job: {
        id: 'j',
        prompt: 'Hi',
        project: { project_root: '/p', idea_id: 'i' },
        session: { orp_session_id: 's', world_id: 'w' },
      },
    });

    expect(job).toMatchObject({
      prompt: 'Hi',
      projectRoot: '/p',
      ideaId: 'i',
      orpSessionId: 's',
      worldId: 'w',
    });
  });

  it.each([
    [{ id: 'j', kind: 'k' }, undefined],
    [{ job: { id: 'j', leaseId: 'l1' } }, 'l1'],
    [{ job: { id: 'j', payload: { lease_id: 'l2' } } }, 'l2'],
    [{ job: { id: 'j' }, lease: { id: 'l3' } }, 'l3'],
    [{ job: { id: 'j', leaseId: 'l1' }, leaseId: 'l0' }, 'l0'],
  ])('has its lease in %j', (body, leaseId) => {
    expect(jobOf(body).lease?.leaseId).toBe(leaseId);
  });

  it('takes null and blank strings for absent', () => {
    const { job } = jobOf({
      job: { id: 'j', ideaId: null, payload: { ideaId: ' ', worldId: null, prompt: null }, prompt: 'Hi' },
    });

    expect(job).toMatchObject({ prompt: 'Hi' });
    expect([job.ideaId, job.worldId]).toEqual([undefined, undefined]);
  });

  it.each(['../../etc', 'a/b', '', 'a b', 'x'.repeat(200)])('is refused with the job id %j', (id) => {
    expect(['malformed', 'idle']).toContain(readPollAnswer({ job: { id, kind: 'k' } }).kind);
    expect(readPollAnswer({ job: { id: 'j' }, leaseId: id === '' ? 'a/b' : id }).kind).toBe('malformed');
  });

  it.each(['.', '..', '...', '../x', 'a/b', '   '])('with the id %j is malformed', (id) => {
    const answer = readPollAnswer({ job: { id, kind: 'session.prompt', payload: {} }, leaseId: 'lea_1' });
    expect(answer.kind).toBe('malformed');
    expect(readPollAnswer({ job: { id: 'job_1' }, leaseId: '..' }).kind).toBe('malformed');
  });

  it('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (job, payload) => {
        readPollAnswer({ job });
        readPollAnswer({ job: { id: 'j', payload, selection: job, timeoutSeconds: job, lease: payload } });
      }),
    );
  });
});
