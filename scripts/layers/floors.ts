/** The table of layers: the folders of the three programs, and what each folder may import. */

/** A program: its floors from the lowest to the highest, and the packages that each folder may import. */
export interface Program {
  /**
   * Folders, lowest floor first. A file may import from its own folder and from lower floors; this also holds for types.
   * Folders in one line are on the same floor and must not import each other.
   */
  floors: readonly (readonly string[])[];
  /** Other programs whose files may be imported. */
  mayImport: readonly string[];
  /**
   * The allowed packages by folder. The longest matching prefix of the importing file applies. `node:` means all modules of
   * Node.
   */
  packages: Readonly<Record<string, readonly string[]>>;
}

/** The maximum number of files in one folder. */
export const FOLDER_LIMIT = 12;

/** Folders without that limit, because they have one file per command or per table. */
export const LARGE_FOLDERS: readonly string[] = ['cli/commands', 'workers/store'];

export const PROGRAMS: Readonly<Record<string, Program>> = {
  spec: {
    floors: [
      ['spec'],
      ['spec/job'],
      ['spec/local'],
      ['spec/policy', 'spec/checkpoint', 'spec/overview'],
      ['spec/transport'],
      ['spec/contract'],
      ['spec/openapi'],
    ],
    mayImport: [],
    packages: { spec: ['zod'] },
  },
  workers: {
    floors: [
      ['workers/store'],
      ['workers/base'],
      ['workers/accounts'],
      ['workers/people'],
      ['workers/http'],
      ['workers/machines'],
      ['workers/jobs'],
      ['workers/reviews'],
      ['workers/leases'],
      ['workers/objects/channel'],
      ['workers/objects', 'workers/overview'],
      ['workers/pages/design'],
      ['workers/pages/parts'],
      ['workers/pages/frame'],
      ['workers/routes', 'workers/operations', 'workers/pages/account', 'workers/pages/jobs'],
      [
        'workers/pages/inbox',
        'workers/pages/sessions',
        'workers/pages/ideas',
        'workers/pages/console',
        'workers/pages/api-docs',
      ],
      ['workers/pages/people', 'workers/pages/console/bulk', 'workers/pages/console/charts'],
      ['workers/pages'],
      ['workers'],
    ],
    mayImport: ['spec'],
    packages: {
      workers: [],
      'workers/accounts': ['node:'],
      'workers/reviews': ['node:'],
      'workers/objects': ['cloudflare:workers'],
      'workers/http': ['hono', 'zod'],
      'workers/routes': ['hono', 'zod'],
      'workers/operations': ['hono', 'zod'],
      'workers/pages': ['hono', 'zod'],
      'workers/app.ts': ['hono'],
    },
  },
  cli: {
    floors: [
      ['cli/base'],
      ['cli/files'],
      ['cli/git'],
      ['cli/agents'],
      ['cli/agents/app-server', 'cli/agents/session-files'],
      ['cli/runner/process'],
      ['cli/runner/agent-server'],
      ['cli/output', 'cli/records/sessions'],
      ['cli/output/live'],
      ['cli/records'],
      ['cli/runner/redaction'],
      ['cli/runner/spool'],
      ['cli/runner/output'],
      ['cli/client'],
      ['cli/policy'],
      ['cli/hosted'],
      ['cli/service'],
      ['cli/runner/job'],
      ['cli/runner/channel'],
      ['cli/status'],
      ['cli/status/doctor'],
      ['cli/runner/hosted'],
      ['cli/runner/lease'],
      ['cli/runner/agent-run'],
      ['cli/runner/job-run'],
      ['cli/runner/loop'],
      ['cli/runner/review-worker'],
      ['cli/runner/start'],
      ['cli/commands', 'cli/library'],
      ['cli'],
    ],
    mayImport: ['spec'],
    packages: {
      'cli/agents/app-server': ['node:', 'ws', 'zod'],
      'cli/runner/channel': ['node:', 'eventsource-parser', 'ws', 'zod'],
      cli: ['node:', 'commander', 'eventsource-parser', 'proper-lockfile', 'string-width', 'uqr', 'zod'],
    },
  },
};
