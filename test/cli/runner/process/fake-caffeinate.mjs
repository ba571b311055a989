#!/usr/bin/env node
/**
 * A stand-in for `caffeinate -w <pid> -t <seconds>`: appends `start <pid> <words>` to the file CAFFEINATE_LOG, and ends when
 * the process it is bound to has ended.
 */

import { appendFileSync } from 'node:fs';

const words = process.argv.slice(2);
const boundTo = Number(words[words.indexOf('-w') + 1]);
appendFileSync(process.env.CAFFEINATE_LOG, `start ${process.pid} ${words.join(' ')}\n`);
setInterval(() => {
  try {
    process.kill(boundTo, 0);
  } catch {
    process.exit(0);
  }
}, 20);
