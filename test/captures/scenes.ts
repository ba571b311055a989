/** What the captures show: each command in the states that people meet. */

/** Who runs the command, and where. */
export const PEOPLE = ['stranger', 'newcomer', 'owner'] as const;
export type Person = (typeof PEOPLE)[number];

export interface Scene {
  /** The words behind `orp`. */
  words: readonly string[];
  /** Default: everybody. */
  people?: readonly Person[];
}

const OWNER: readonly Person[] = ['owner'];

/**
 * Commands that only read come first, so that all of them see the same account. `stranger` is not signed in, in a folder without
 * git. `newcomer` is signed in, in a repository, and has nothing else. `owner` has jobs in every state.
 */
export function scenesFor(known: { ideaId: string; jobs: readonly string[]; machineId: string }): Scene[] {
  const { ideaId, jobs, machineId } = known;
  return [
    { words: [] },
    { words: ['status'] },
    { words: ['setup', '--json'] },
    { words: ['whoami'] },
    { words: ['auth', 'status'] },
    { words: ['auth', 'token', 'list'] },
    { words: ['about'] },
    { words: ['doctor'] },
    { words: ['job', 'list'] },
    { words: ['job', 'list', '--limit', '5'], people: OWNER },
    { words: ['job', 'list', '--status', 'nonsense'], people: OWNER },
    ...jobs.map((id): Scene => ({ words: ['job', 'show', id], people: OWNER })),
    { words: ['job', 'show', 'job_nonsense'], people: OWNER },
    { words: ['job', 'show', '@last'] },
    { words: ['job', 'show', '@running'], people: OWNER },
    ...jobs.map((id): Scene => ({ words: ['job', 'logs', id], people: OWNER })),
    { words: ['job', 'wait', jobs[0] ?? '@last', '--timeout', '1'], people: OWNER },
    { words: ['job', 'submit'] },
    { words: ['job', 'submit', 'Count the gauges.'], people: ['stranger', 'newcomer'] },
    { words: ['ideas', 'list'] },
    { words: ['idea', 'show', ideaId], people: OWNER },
    { words: ['idea', 'show', 'ide_nonsense'], people: OWNER },
    { words: ['feature', 'list', ideaId], people: OWNER },
    { words: ['world', 'show', ideaId], people: OWNER },
    { words: ['checkpoint', 'list', '--idea-id', ideaId], people: OWNER },
    { words: ['link', 'status'] },
    { words: ['link', 'doctor'] },
    { words: ['link', 'project', 'show'] },
    { words: ['link', 'project', 'status'], people: OWNER },
    { words: ['link', 'session', 'list'] },
    { words: ['link', 'session', 'show', 'main'] },
    { words: ['link', 'session', 'discover'] },
    { words: ['link', 'import-rust', '--all'] },
    { words: ['runner', 'status'] },
    { words: ['runner', 'status', '--hosted'], people: OWNER },
    { words: ['runner', 'heartbeat'] },
    { words: ['runner', 'sync'] },
    { words: ['runner', 'cancel'] },
    { words: ['runner', 'retry'] },
    { words: ['runner', 'logs'] },
    { words: ['runner', 'policy', 'show'] },
    { words: ['runner', 'policy', 'check'] },
    { words: ['runner', 'restart'], people: ['newcomer'] },
    { words: ['runner', 'work', '--once', '--dry-run'] },
    { words: ['open', '--print'] },
    { words: ['open', 'nonsense'] },
    { words: ['admin', 'alerts'] },
    { words: ['admin', 'machines'] },
    { words: ['admin', 'accounts'] },
    { words: ['admin', 'invitations'] },
    { words: ['admin', 'limits'] },
    { words: ['admin', 'bulk', 'cancel', '--status', 'queued'], people: OWNER },
    { words: ['admin', 'bulk', 'show'], people: OWNER },
    { words: ['link'] },
    { words: ['lnk'] },
    { words: ['job', 'lst'], people: OWNER },
    { words: ['job', 'list', '--limt', '3'], people: OWNER },
    { words: ['job', 'list', '--limit', 'many'], people: OWNER },
    { words: ['gate'], people: OWNER },
    { words: ['completion', 'tcsh'], people: OWNER },
    { words: ['job', 'submit', 'Count the gauges.'], people: OWNER },
    { words: ['job', 'cancel', '@last'], people: OWNER },
    { words: ['job', 'retry', '@last'], people: OWNER },
    { words: ['job', 'cancel', '@last', '--reason', 'wrong branch'], people: OWNER },
    { words: ['checkpoint', 'queue', '--idea-id', ideaId], people: OWNER },
    { words: ['idea', 'add', '--title', 'Wind survey'], people: OWNER },
    {
      words: ['idea', 'update', ideaId, '--title', 'Tidal survey of the northern coast and its islands'],
      people: OWNER,
    },
    { words: ['runner', 'drain', '--reason', 'moving', '--machine-id', machineId], people: OWNER },
    { words: ['runner', 'resume', '--machine-id', machineId], people: OWNER },
    { words: ['link', 'session', 'archive', 'docs'], people: OWNER },
    { words: ['link', 'session', 'unarchive', 'docs'], people: OWNER },
    { words: ['link', 'session', 'set-primary', 'docs'], people: OWNER },
    { words: ['link', 'session', 'remove', 'docs'], people: OWNER },
    { words: ['runner', 'disable'] },
    { words: ['runner', 'enable'] },
    { words: ['link', 'project', 'unbind'] },
    { words: ['bugreport'] },
    { words: ['idea', 'remove', ideaId], people: OWNER },
    { words: ['idea', 'restore', ideaId], people: OWNER },
    { words: ['auth', 'logout'] },
  ];
}
