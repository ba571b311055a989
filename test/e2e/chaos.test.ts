/**
 * A small storm with real processes, and what keeps it honest: its judge finds what it is there to find, and its plan
 * replays. The large one is `npm run bench -- chaos`.
 */

import { afterEach, describe, expect, it } from 'vitest';
import { chaosDocument } from '../bench/chaos.ts';
import { type ChaosResult, runChaos } from '../support/chaos/chaos-run.ts';
import type { Run } from '../support/chaos/journals.ts';
import type { Entry, Story } from '../support/chaos/person.ts';
import { FAULTS, makePlan } from '../support/chaos/plan.ts';
import { tellStory } from '../support/chaos/story.ts';
import type { Turn } from '../support/chaos/turns.ts';
import { type Evidence, judgeJob } from '../support/chaos/verdict.ts';

const JOBS = 30;
const MACHINES = 3;
/** Always the same in CI, so that a failure there is a failure here; the bench looks for new ones. */
const SEED = 20;

const T0 = '2026-04-01T10:00:00.000Z';

describe('a run in which everything fails at random', () => {
  let result: ChaosResult | undefined;

  afterEach(() => {
    for (const line of result ? tellStory(result) : []) console.error(line);
  });

  it('loses no job, runs none twice, corrupts no result, and leaves nothing behind', async () => {
    console.error(
      `chaos: seed ${SEED} (npm run bench -- chaos --seed ${SEED} --jobs ${JOBS} --machines ${MACHINES})`,
    );
    result = await runChaos({ seed: SEED, jobs: JOBS, machines: MACHINES, say: () => undefined });
    const { lost, doubled, corrupted, leftovers, jobs } = chaosDocument(result);
    expect({ lost, doubled, corrupted, leftovers, jobs }).toEqual({
      lost: 0,
      doubled: 0,
      corrupted: 0,
      leftovers: 0,
      jobs: JOBS,
    });
  });
});

describe('the plan of the faults', () => {
  it('is the same for the same seed, and another one for another', () => {
    const draw = (seed: number) => {
      const plan = makePlan(seed, { jobs: 50, machines: 3 });
      return { jobs: plan.jobs, faults: Array.from({ length: 200 }, () => plan.nextFault()) };
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it('has every kind of fault in it, a silent and an overloaded database too', () => {
    const plan = makePlan(SEED, { jobs: JOBS, machines: MACHINES });
    const kinds = new Set(Array.from({ length: 1000 }, () => plan.nextFault().kind));
    expect([...kinds].sort()).toEqual(Object.keys(FAULTS).sort());
  });
});

function aRun(overrides: Partial<Run> = {}): Run {
  return {
    run: 'run-1',
    key: 'chaos-1',
    session: 'codex-m0-s0',
    startedAt: Date.parse(T0),
    overlaps: undefined,
    pieces: [{ command: 'measure 0', text: 'one\n' }],
    answer: 'the answer',
    hasEnded: true,
    endedAt: Date.parse(T0),
    ...overrides,
  };
}

function anAttempt(overrides: Partial<Story['attempts'][number]> = {}): Story['attempts'][number] {
  return {
    attempt: 1,
    outcome: 'completed',
    startedAt: T0,
    codexSessionId: 'codex-m0-s0',
    content: 'the answer',
    ...overrides,
  };
}

function aStory(overrides: Partial<Story> = {}): Story {
  return {
    id: 'job_1',
    kind: 'session.prompt',
    status: 'completed',
    priority: 0,
    attempt: 1,
    maxAttempts: 3,
    onLeaseLoss: 'hold',
    sessionFallback: 'primary',
    target: {},
    createdAt: T0,
    expiresAt: T0,
    updatedAt: T0,
    prompt: 'Measure.',
    content: 'the answer',
    attempts: [anAttempt()],
    events: [],
    ...overrides,
  };
}

function anEntry(stream: Entry['stream'], text: string): Entry {
  return { attempt: 1, seq: 1, cursor: '1', at: T0, type: 'log', stream, level: 'info', text };
}

function judge(overrides: Partial<Evidence> = {}): string[] {
  const entries = [anEntry('stdout', '$ measure 0\none\n'), anEntry('agent', 'the answer')];
  const evidence = {
    jobId: 'job_1',
    story: aStory(),
    entries,
    runs: [aRun()],
    turns: [],
    isDisturbed: false,
    retries: 0,
    ...overrides,
  };
  return judgeJob(evidence).map((violation) => violation.kind);
}

describe('the judge of the run', () => {
  it('finds no fault in a job that ran once and whose result is complete', () => {
    expect(judge()).toEqual([]);
  });

  const turn = (status: Turn['status'], leaseId = 'lea_1'): Turn => ({
    jobId: 'job_1',
    leaseId,
    session: 'codex-m0-s0',
    status,
  });
  const failedWith = (error: string) =>
    aStory({
      status: 'failed',
      content: undefined,
      attempts: [anAttempt({ outcome: 'failed', content: undefined, error })],
    });

  it.each<[string, Partial<Evidence>, string]>([
    [
      'a prompt that was entered into its session twice',
      { turns: [turn('interrupted'), turn('completed', 'lea_2')] },
      'doubled',
    ],
    [
      'an end that is unknown though the transcript has it',
      { story: failedWith('What became of the prompt is unknown.'), turns: [turn('interrupted')] },
      'lost',
    ],
    [
      'an interruption that the transcript does not show',
      {
        story: failedWith('The transcript of the session shows the turn as interrupted.'),
        turns: [turn('completed')],
      },
      'lost',
    ],
    [
      'a failed job whose turn completed',
      { story: failedWith('The agent could not be started.'), turns: [turn('completed')] },
      'lost',
    ],
    [
      'output that is wrong, though nobody listened for a moment',
      { isDisturbed: true, entries: [anEntry('stdout', '$ measure 0\ntwo\n')] },
      'corrupted',
    ],
    ['a job that the service does not know', { story: undefined }, 'lost'],
    ['a job that runs for nobody', { story: aStory({ status: 'running' }) }, 'lost'],
    [
      'a second run under policy hold',
      { runs: [aRun(), aRun({ run: 'run-2', answer: 'other' })] },
      'doubled',
    ],
    ['two runs in one session', { runs: [aRun({ overlaps: 'run-0' })] }, 'doubled'],
    [
      'a run that is said not to have been',
      {
        story: aStory({
          status: 'failed',
          attempts: [anAttempt({ outcome: 'failed', error: 'nothing ran' })],
        }),
      },
      'doubled',
    ],
    ['an answer that differs in one byte', { runs: [aRun({ answer: 'the answeR' })] }, 'corrupted'],
    ['an answer that nobody wrote', { runs: [] }, 'corrupted'],
    ['an answer of a run that never came to its end', { runs: [aRun({ hasEnded: false })] }, 'corrupted'],
    ['output that is missing', { entries: [anEntry('agent', 'the answer')] }, 'corrupted'],
    [
      'output that came twice',
      { entries: [anEntry('stdout', '$ measure 0\none\n$ measure 0\n')] },
      'corrupted',
    ],
  ])('finds %s', (_, overrides, kind) => {
    expect(judge(overrides)).toContain(kind);
  });

  it('allows output to be missing when nobody listened for a moment', () => {
    expect(judge({ isDisturbed: true, entries: [anEntry('agent', 'the answer')] })).toEqual([]);
    expect(judge({ isDisturbed: true, entries: [anEntry('stdout', 'one\n')] })).toEqual([]);
  });

  it('allows an unknown end of a process after a turn in the session of another machine', () => {
    const interrupted = anAttempt({ outcome: 'failed', content: undefined, error: 'Stopped.' });
    const unknown = anAttempt({
      ...interrupted,
      attempt: 2,
      codexSessionId: 'codex-m2-s0',
      error: 'What it did is unknown.',
    });
    const story = aStory({ status: 'failed', content: undefined, attempts: [interrupted, unknown] });
    const runs = [aRun(), aRun({ run: 'run-2', session: 'codex-m2-s0' })];
    expect(judge({ story, runs, entries: [], turns: [turn('interrupted')], retries: 1 })).toEqual([]);
  });

  it('allows a prompt to be entered again after the retry of a person', () => {
    const turns = [turn('interrupted'), turn('completed', 'lea_2')];
    expect(judge({ turns, retries: 1 })).toEqual([]);
  });

  it('allows an attempt without output whose answer is in the transcript under an earlier lease', () => {
    const lost = anAttempt({ outcome: 'lost', leaseId: 'lea_1', content: undefined });
    const found = anAttempt({ attempt: 2, leaseId: 'lea_2' });
    const story = aStory({ attempts: [lost, found] });
    expect(judge({ story, turns: [turn('completed')] })).toEqual([]);
    expect(judge({ story, turns: [turn('completed', 'lea_2')] })).toEqual(['corrupted']);
  });

  it('allows a second run after the retry of a person', () => {
    const second = aRun({ run: 'run-2', answer: 'another answer' });
    const attempts = [anAttempt(), anAttempt({ attempt: 2, content: 'another answer' })];
    const story = aStory({ content: 'another answer', attempts });
    const entries = [anEntry('stdout', '$ measure 0\none\n'), anEntry('agent', 'the answer')];
    const again = entries.map((entry) => ({ ...entry, attempt: 2 }));
    const said = again.map((entry) =>
      entry.stream === 'agent' ? { ...entry, text: 'another answer' } : entry,
    );
    const evidence = { story, runs: [aRun(), second], entries: [...entries, ...said], retries: 1 };
    expect(judge(evidence)).toEqual([]);
  });
});
