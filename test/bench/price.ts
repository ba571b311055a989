/** The prices of the platform, and the resources that the local runtime uses. */

import { readFileSync } from 'node:fs';

/** The price of each unit in dollars, above the included amounts (Workers, D1 and Durable Objects). */
export const PRICE = {
  request: 0.3e-6,
  cpuMs: 0.02e-6,
  rowRead: 0.001e-6,
  rowWritten: 1e-6,
  objectRequest: 0.15e-6,
  gigabyteSecond: 12.5e-6,
};
/** An object is billed as 128 MB. */
const OBJECT_GIGABYTES = 0.128;
/** The processor time of such a request in production. Locally it cannot be separated from the time of the database. */
export const CPU_MS_PER_REQUEST = 4;

export interface Bill {
  requests: number;
  rowsWritten: number;
  rowsRead: number;
  objectRowsWritten: number;
  objectRowsRead: number;
  objectRequests: number;
  objectActiveMs: number;
}

/** Returns the price without processor time. */
export function priceOf(bill: Bill): number {
  return (
    bill.requests * PRICE.request +
    (bill.rowsWritten + bill.objectRowsWritten) * PRICE.rowWritten +
    (bill.rowsRead + bill.objectRowsRead) * PRICE.rowRead +
    bill.objectRequests * PRICE.objectRequest +
    (bill.objectActiveMs / 1000) * OBJECT_GIGABYTES * PRICE.gigabyteSecond
  );
}

/**
 * Returns the processor time of the runtime processes that this process has started, in ms. Linux counts in ticks of 10
 * ms.
 */
export function runtimeCpuMs(): number {
  return runtimeProcesses().reduce((total, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return total + (Number(fields[11]) + Number(fields[12])) * 10;
  }, 0);
}

/** Returns the memory of the runtime processes, in MB. */
export function runtimeRssMb(): number {
  return runtimeProcesses().reduce((total, pid) => {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return total + Number(kilobytes ?? 0) / 1024;
  }, 0);
}

function runtimeProcesses(): string[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');
  return children.trim().split(' ').filter(Boolean);
}
