/** An idea stays within its bound also when its notes or those of a feature get longer. */

import { describe, expect, it } from 'vitest';
import { BOUNDS } from '../../../spec/bounds.ts';
import { addFeature, updateFeature, updateIdea } from '../../../spec/contract/ideas.ts';
import { fillIdea } from '../harness/bound-probes.ts';
import { accepts, refuses, send } from '../harness/call.ts';
import { usageOf } from '../harness/limits.ts';
import { aMachine } from '../harness/machines.ts';

const KIB = 1024;

describe('an idea that is nearly full', () => {
  it('refuses longer notes, of itself and of a feature, that exceed its bound together', async () => {
    const machine = await aMachine();
    const { owner: as, ideaId } = machine;
    await fillIdea(machine, { count: 4, bytes: BOUNDS.ideaBytes / 4 - 40 * KIB });
    const { feature } = await accepts(addFeature, { as, params: { ideaId }, body: { title: 'Last' } });
    const notes = (kib: number) => ({ notes: 'n'.repeat(kib * KIB) });

    await refuses(updateIdea, 'body_too_large', { as, params: { ideaId }, body: notes(161) });
    await accepts(updateIdea, { as, params: { ideaId }, body: notes(100) });
    const params = { featureId: feature.id };
    await refuses(updateFeature, 'body_too_large', { as, params, body: notes(61) });
    await accepts(updateFeature, { as, params, body: notes(50) });
    await accepts(updateIdea, { as, params: { ideaId }, body: notes(90) });
  });

  it('is not exceeded by two changes that come at once', async () => {
    const machine = await aMachine();
    const { owner: as, ideaId } = machine;
    await fillIdea(machine, { count: 4, bytes: BOUNDS.ideaBytes / 4 - 40 * KIB });
    const { feature } = await accepts(addFeature, { as, params: { ideaId }, body: { title: 'Last' } });
    const body = { notes: 'n'.repeat(100 * KIB) };
    await Promise.all([
      send(updateIdea, { as, params: { ideaId }, body }),
      send(updateFeature, { as, params: { featureId: feature.id }, body }),
    ]);
    const { bytes } = await usageOf(as);
    expect(bytes).toBeGreaterThan(BOUNDS.ideaBytes - 100 * KIB);
    expect(bytes).toBeLessThanOrEqual(BOUNDS.ideaBytes);
  });

  it('is not exceeded by features that are added at once', async () => {
    const machine = await aMachine();
    const { owner: as, ideaId } = machine;
    await fillIdea(machine, { count: 4, bytes: BOUNDS.ideaBytes / 4 - 40 * KIB });
    const body = { title: 'More', details: [{ body: 'd'.repeat(100 * KIB) }] };
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => send(addFeature, { as, params: { ideaId }, body })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 413, 413, 413]);
    expect((await usageOf(as)).bytes).toBeLessThanOrEqual(BOUNDS.ideaBytes);
  });
});
