/** Compiled, never run: an id never fits where an id of another kind goes. */

import type { Id } from '../../spec/ids.ts';
import { makeId } from '../../spec/ids.ts';

declare function claim(job: Id<'job'>, lease: Id<'lease'>): void;
declare const text: string;

const job = makeId('job', 0, new Uint8Array());
const lease = makeId('lease', 0, new Uint8Array());
const idea: Id<'idea'> = makeId('idea', 0, new Uint8Array());

claim(job, lease);
// @ts-expect-error the two are not interchangeable
claim(lease, job);
// @ts-expect-error an idea is no job
claim(idea, lease);
// @ts-expect-error any text is no id
claim(text, lease);
// @ts-expect-error there is no such kind
makeId('jobs', 0, new Uint8Array());
