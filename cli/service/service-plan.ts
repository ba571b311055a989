/** What the installed service runs, and with which surroundings. Pure but for looking at what exists. */

import { statSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { CliError } from '../base/exit.ts';
import { absoluteFolders } from '../base/search-path.ts';
import { expandHome, homeOf, realPathOf, stateFolder, withAbsoluteFolders } from '../files/paths.ts';

export interface ServicePlan {
  /** Absolute path of the program, then its arguments. */
  program: readonly string[];
  environment: Readonly<Record<string, string>>;
  workingFolder: string;
  /** Only what the process says outside of its own log: the last words of a crash. */
  crashLog: string;
}

export interface PlanSource {
  env: NodeJS.ProcessEnv;
  /** The Node that runs now, and the file it runs. */
  node: string;
  script: string;
  /** Of `orp runner work`. */
  words: readonly string[];
  repoRoot: string | undefined;
}

/** The log of the service, and the folder it is in. */
export function serviceLog(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'log', 'runner.log');
}

/** Puts the plan together, and says what may break it later. */
export function planService(source: PlanSource): { plan: ServicePlan; warnings: string[] } {
  const made = makePlan(source);
  const { program, workingFolder, crashLog } = made.plan;
  for (const word of [...program, workingFolder, crashLog]) requireWritable(word);
  return made;
}

/** A line break in a definition of the system would begin another setting. */
function requireWritable(word: string): void {
  if (!/\p{Cc}/u.test(word)) return;
  throw new CliError(
    `A service cannot be installed with ${JSON.stringify(word)}: it has a control character.`,
    {
      code: 'usage',
      hint: 'Rename the folder or the file, then repeat the command.',
    },
  );
}

function makePlan(source: PlanSource): { plan: ServicePlan; warnings: string[] } {
  const { env, script, words, repoRoot } = source;
  const node = stableNode(source);
  const root = repoRoot === undefined ? [] : ['--repo-root', repoRoot];
  return {
    plan: {
      program: [node, resolve(script), ...root, 'runner', 'serve', '--', ...words],
      environment: {
        PATH: servicePath(env, node),
        ...carriedSettings(withAbsoluteFolders(env)),
        ...carriedAgent(env),
        ORP_RUNNER_SERVICE: '1',
      },
      workingFolder: homeOf(env),
      crashLog: join(dirname(serviceLog(env)), 'runner-crash.log'),
    },
    warnings: [...vanishingWarnings('Node', node), ...vanishingWarnings('orp', resolve(script))],
  };
}

/** Folders of tools that keep one folder a version: the path is gone after the next upgrade. */
const VERSION_FOLDERS =
  /\/(\.nvm|\.fnm|fnm_multishells|fnm\/node-versions|\.asdf\/installs|mise\/installs|\.nodenv\/versions|\.volta\/tools|n\/versions|Cellar|_npx|\.npm\/_cacache)\//;

/** Says when the path of a program is one that an upgrade takes away. */
export function vanishingWarnings(name: string, path: string): string[] {
  if (!VERSION_FOLDERS.test(path)) return [];
  return [
    `${name} is at ${path}, which an upgrade may take away; then the service cannot start. Run \`orp runner install\` again after an upgrade.`,
  ];
}

/** A link to this Node that an upgrade leaves in place, else the Node itself. */
function stableNode({ env, node }: PlanSource): string {
  const real = realPathOf(node);
  const links = pathFolders(env).map((folder) => join(folder, 'node'));
  return [...links, node].find((path) => realPathOf(path) === real && !VERSION_FOLDERS.test(path)) ?? node;
}

const SYSTEM_PATH = ['/opt/homebrew/bin', '/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/** The PATH of the person who installs, for agents that call compilers and the like, without what is gone tomorrow. */
function servicePath(env: NodeJS.ProcessEnv, node: string): string {
  const kept = pathFolders(env).filter(
    (folder) =>
      isFolder(folder) &&
      !/\/node_modules\/|^\/(private\/)?(tmp|var\/folders)\/|fnm_multishells/.test(folder),
  );
  return [...new Set([dirname(node), ...kept, ...SYSTEM_PATH])].join(delimiter);
}

function pathFolders(env: NodeJS.ProcessEnv): string[] {
  return absoluteFolders(env.PATH).filter((folder) => !/\p{Cc}/u.test(folder));
}

/**
 * Settings that a shell has and a service would miss. Codex reads its keys from its own files, not from here; the time
 * zone is the computer's, which may travel.
 */
const CARRIED = /^(ORP_[A-Z_]+|CODEX_(HOME|BIN|PROFILE)|XDG_(CONFIG|STATE)_HOME|LANG|LC_ALL)$/;
const CARRIED_PROXY = /^(https?_proxy|no_proxy|all_proxy|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS)$/i;
/** Secrets do not belong into a file of the system; the version would lie after the next upgrade. */
const LEFT_OUT = /TOKEN|SECRET|PASSWORD|KEY$|^ORP_(VERSION|DEBUG|RUNNER_SERVICE)$/;

function carriedSettings(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = Object.keys(env).filter(
    (name) => (CARRIED.test(name) || CARRIED_PROXY.test(name)) && !LEFT_OUT.test(name),
  );
  return Object.fromEntries(
    names.sort().flatMap((name) => {
      const value = env[name]?.trim() ?? '';
      // A line of its own in a unit file would be another setting; a property list has no control characters at all.
      return value === '' || /\p{Cc}/u.test(value) ? [] : [[name, value]];
    }),
  );
}

/** A path from the folder of today would lead elsewhere in that of the service; a bare name is looked for on the PATH. */
function carriedAgent(env: NodeJS.ProcessEnv): Record<string, string> {
  const { CODEX_BIN: bin } = carriedSettings(env);
  return bin?.includes('/') ? { CODEX_BIN: resolve(expandHome(bin)) } : {};
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
