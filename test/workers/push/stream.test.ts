/** The SSE stream, byte by byte: what v0.4.4 and every other event stream client rely on. */

import { afterEach, describe, expect, it } from 'vitest';
import { expectRefusal } from '../harness/call.ts';
import { aMachine, aPrompt } from '../harness/machines.ts';
import { aPerson } from '../harness/people.ts';
import { closeChannels, get, openStream, streamPath } from '../harness/streams.ts';

afterEach(closeChannels);

describe('the event stream', () => {
  it('sends its first bytes at once, then ready', async () => {
    const stream = await openStream(await aMachine());
    expect(stream.response.status).toBe(200);
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(stream.response.headers.get('cache-control')).toContain('no-store');
    expect(await stream.piece()).toBe('retry: 2000\n: open\n\n');
    expect(await stream.next()).toMatchObject({
      event: 'ready',
      id: '1',
      data: expect.stringContaining('"ok":true'),
    });
  });

  it('ends with timeout after waitSeconds, and says that there was no job', async () => {
    const stream = await openStream(await aMachine(), { waitSeconds: 1 });
    await stream.next();
    const end = await stream.next();
    expect({ ...end, data: JSON.parse(end?.data ?? '') }).toMatchObject({
      event: 'timeout',
      id: '2',
      data: { ok: true, jobAvailable: false, reason: 'timeout', waitedMs: expect.any(Number) },
    });
    expect(await stream.next()).toBeUndefined();
  });

  it('announces work and ends, as v0.4.4 expects', async () => {
    const machine = await aMachine();
    const stream = await openStream(machine);
    await stream.next();
    await aPrompt(machine);
    const event = await stream.next();
    expect(event?.event).toBe('job.available');
    expect(JSON.parse(event?.data ?? '')).toMatchObject({
      ok: true,
      jobAvailable: true,
      reason: 'queued',
      waitedMs: expect.any(Number),
    });
    expect(await stream.next()).toBeUndefined();
  });

  it('continues after an announcement with persistent=1', async () => {
    const machine = await aMachine();
    const stream = await openStream(machine, { persistent: '1' });
    await stream.next();
    await aPrompt(machine);
    expect(await stream.next()).toMatchObject({ event: 'job.available', id: '2' });
    await aPrompt(machine);
    expect(await stream.next()).toMatchObject({ event: 'job.available', id: '3' });
  });

  it('announces work that waits already when it opens', async () => {
    const machine = await aMachine();
    await aPrompt(machine);
    const stream = await openStream(machine);
    expect(await stream.rest()).toEqual(['ready', 'job.available']);
  });

  it('is framed in lines that end in LF, and no event comes without data', async () => {
    const machine = await aMachine();
    const stream = await openStream(machine, { waitSeconds: 1, persistent: '1' });
    await aPrompt(machine);
    await stream.rest();
    expect(stream.text).not.toContain('\r');
    expect(stream.text.endsWith('\n\n')).toBe(true);
    const frames = stream.text.slice(0, -2).split('\n\n');
    const events = frames.filter((frame) => frame.includes('event: '));
    expect(events.length).toBeGreaterThanOrEqual(3);
    for (const frame of events) expect(frame).toMatch(/^event: [a-z.]+\nid: \d+\ndata: \{.*\}$/);
  });

  it('is refused as JSON to a caller who may not listen', async () => {
    const machine = await aMachine();
    const stranger = await aPerson();
    const answerOf = async (response: Response) => ({
      status: response.status,
      headers: response.headers,
      text: await response.text(),
    });
    expectRefusal(await answerOf(await get(streamPath(machine))), 'unauthenticated');
    expectRefusal(await answerOf(await get(streamPath(machine), stranger)), 'foreign_machine');
    const unknown = streamPath({ machineId: crypto.randomUUID() });
    expectRefusal(await answerOf(await get(unknown, stranger)), 'not_found');
    for (const waitSeconds of [0, 901]) {
      const path = streamPath(machine, { waitSeconds });
      expectRefusal(await answerOf(await get(path, machine.owner)), 'invalid_input');
    }
  });
});
