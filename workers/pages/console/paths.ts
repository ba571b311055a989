/** The paths of the console, and the values in its URLs. */

const ROOT = '/dashboard/admin';

export const PATHS = {
  machines: `${ROOT}/runners`,
  alerts: `${ROOT}/alerts`,
  jobs: `${ROOT}/jobs`,
  charts: `${ROOT}/charts`,
  bulk: `${ROOT}/bulk`,
  people: `${ROOT}/people`,
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

/** Returns the values in the URL for the keys that a page knows. An empty choice means any value. */
export function namedIn(query: URLSearchParams, keys: readonly string[]): Record<string, string> {
  const set = keys.flatMap((key) => {
    const value = query.get(key)?.trim();
    return value ? [[key, value] as const] : [];
  });
  return Object.fromEntries(set);
}

/** Returns a path with a filter. */
export function pathWith(path: string, values: Readonly<Record<string, string | undefined>>): string {
  const set = Object.entries(values).flatMap(([key, value]) => (value ? [[key, value]] : []));
  return set.length === 0 ? path : `${path}?${new URLSearchParams(set)}`;
}
