/** A process that keeps the machine awake for a job that never ends. */

import { KeepAwake } from '../../../../cli/runner/process/keep-awake.ts';

const [program = ''] = process.argv.slice(2);
const talk = { note: console.error, warn: console.error };
new KeepAwake({ mode: 'ac', talk, isMac: true, program }).busy();
setInterval(() => undefined, 1000);
