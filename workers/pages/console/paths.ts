/** The paths of the console. */

const ROOT = '/dashboard/admin';

export const PATHS = {
  machines: `${ROOT}/runners`,
  alerts: `${ROOT}/alerts`,
  jobs: `${ROOT}/jobs`,
  charts: `${ROOT}/charts`,
  bulk: `${ROOT}/bulk`,
  people: `${ROOT}/people`,
  audit: `${ROOT}/audit`,
} as const;

export function accountPath(accountId: string): string {
  return `${ROOT}/accounts/${accountId}`;
}

export function machinePath(machineId: string): string {
  return `${PATHS.machines}/${encodeURIComponent(machineId)}`;
}

export function machineOrderPath(machineId: string, order: 'drain' | 'resume'): string {
  return `${ROOT}/machines/${encodeURIComponent(machineId)}/${order}`;
}

export function bulkPath(name: string): string {
  return `${PATHS.bulk}/${encodeURIComponent(name)}`;
}
