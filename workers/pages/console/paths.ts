/** The paths of the console. */

const ROOT = '/dashboard/admin';

export const PATHS = {
  machines: `${ROOT}/runners`,
  charts: `${ROOT}/charts`,
  bulk: `${ROOT}/bulk`,
  people: `${ROOT}/people`,
} as const;

export function accountPath(accountId: string): string {
  return `${ROOT}/accounts/${accountId}`;
}

export function machineOrderPath(machineId: string, order: 'drain' | 'resume'): string {
  return `${ROOT}/machines/${encodeURIComponent(machineId)}/${order}`;
}

export function bulkPath(name: string): string {
  return `${PATHS.bulk}/${encodeURIComponent(name)}`;
}
