/**
 * A real runner whose channel is cut in the middle of every call: in half of the cases the server has got the call, in the
 * other half it has got a part of it. The runner continues with requests, and connects again.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildOrp } from '../../scripts/local/build-orp.ts';
import { readTranscript } from '../../spec/contract/jobs.ts';
import { send } from '../bench/client.ts';
import { RealRunner } from '../bench/real-runner.ts';
import { until } from '../cli/runner/job/conditions.ts';
import { type ChaosProxy, type Mishap, startProxy } from '../support/chaos/proxy.ts';
import { type Hosted, startHosted, type TestUser } from '../support/hosted.ts';

let hosted: Hosted;
let proxy: ChaosProxy;
let runner: RealRunner;
let user: TestUser;

beforeAll(async () => {
  buildOrp();
  hosted = await startHosted();
  proxy = await startProxy({ port: Number(new URL(hosted.url).port) });
  const far = {
    url: proxy.url,
    signIn: hosted.signIn,
    createUser: async () => {
      user = await hosted.createUser();
      return user;
    },
  };
  runner = await RealRunner.start(far, 'session-1');
});

afterAll(async () => {
  await runner.close();
  await proxy.close();
  await hosted.close();
});

async function textsOf(jobId: string): Promise<string> {
  const account = { baseUrl: hosted.url, token: await hosted.signIn(user) };
  const path = readTranscript.path.replace(':jobId', jobId);
  const { entries } = await send(account, readTranscript, { path, query: { limit: '200' } });
  return entries.map(({ text }) => text).join('');
}

/** Arms the next cut after each cut. Returns the number of cuts so far. */
function cutEveryCall(mishaps: readonly Mishap[]): () => number {
  let cuts = 0;
  const arm = () => {
    const mishap = mishaps[cuts % mishaps.length] ?? 'dropped';
    proxy.armCall({
      mishap,
      onHit() {
        cuts += 1;
        arm();
      },
    });
  };
  arm();
  return () => cuts;
}

async function run(recipe: object): Promise<string> {
  const jobId = await runner.submit(recipe);
  await until(async () => (await runner.show(jobId)).job.status === 'completed');
  return jobId;
}

describe('a runner whose channel carries its calls', () => {
  it('sends output and messages over the channel, and no such request', async () => {
    const jobId = await run({ stderr: ['one', 'two', 'three'], say: 'Done.' });
    const texts = await textsOf(jobId);
    for (const word of ['Prompt is going to', 'one\n', 'two\n', 'three\n', 'Done.'])
      expect(texts).toContain(word);
    expect(proxy.requests().filter((path) => /\/(messages|logs)$/.test(path))).toEqual([]);
  });

  it('loses and repeats nothing when every call is cut, whether the server got it or not', {
    timeout: 120_000,
  }, async () => {
    const cuts = cutEveryCall(['dropped', 'torn']);
    const jobId = await run({ stderr: ['alpha', 'beta', 'gamma'], say: 'All there.' });
    await runner.settled(50);
    proxy.disarm();
    expect(cuts()).toBeGreaterThan(0);
    const texts = await textsOf(jobId);
    for (const word of ['alpha\n', 'beta\n', 'gamma\n', 'All there.'])
      expect(texts.split(word), word).toHaveLength(2);
  });
});
