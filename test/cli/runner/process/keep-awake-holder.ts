/** A process that keeps the machine awake for a job that never ends. */

import { KeepAwake } from '../../../../cli/runner/process/keep-awake.ts';

const [program = ''] = process.argv.slice(2);
const reporter = { info: console.error, warn: console.error };
new KeepAwake({ mode: 'ac', reporter, isMac: true, program }).busy();
setInterval(() => undefined, 1000);
