/** The command and environment of the service. Pure, except that it checks which files exist. */

import { statSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { CliError } from '../base/exit.ts';
import { absoluteFolders } from '../base/search-path.ts';
import { expandHome, homeOf, realPathOf, stateFolder, withAbsoluteFolders } from '../files/paths.ts';

export interface ServicePlan {
  /** Absolute path of the executable, then its arguments. */
  program: readonly string[];
  environment: Readonly<Record<string, string>>;
  workingFolder: string;
  /** The file for output that is not in the log, for example the output of a crash. */
  crashLog: string;
}

export interface PlanSource {
  env: NodeJS.ProcessEnv;
  /** The current Node, and its script. */
  node: string;
  script: string;
  /** Options of `orp runner work`. */
  words: readonly string[];
  repoRoot: string | undefined;
}

/** The path of the service log. */
export function serviceLog(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'log', 'runner.log');
}

/** Builds the plan, with warnings about what may break it later. */
export function planService(source: PlanSource): { plan: ServicePlan; warnings: string[] } {
  const made = makePlan(source);
  const { program, workingFolder, crashLog } = made.plan;
  for (const word of [...program, workingFolder, crashLog]) requireWritable(word);
  return made;
}

/** A line break in a definition would start another setting. */
function requireWritable(word: string): void {
  if (!/\p{Cc}/u.test(word)) return;
  throw new CliError(
    `Cannot install a service with ${JSON.stringify(word)}: it contains a control character.`,
    {
      code: 'usage',
      hint: 'Rename the folder or the file, then repeat the command.',
    },
  );
}

/**
 * A runner mostly waits, so a small young generation costs no time and saves 6 MB. It also saves a third of the memory while a
 * job prints a lot.
 */
export const HEAP_FLAGS = ['--max-semi-space-size=1'];

function makePlan(source: PlanSource): { plan: ServicePlan; warnings: string[] } {
  const { env, script, words, repoRoot } = source;
  const node = stableNode(source);
  const root = repoRoot === undefined ? [] : ['--repo-root', repoRoot];
  return {
    plan: {
      program: [node, ...HEAP_FLAGS, resolve(script), ...root, 'runner', 'serve', '--', ...words],
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

/** Folders with one subfolder per version, whose paths disappear with the next upgrade. */
const VERSION_FOLDERS =
  /\/(\.nvm|\.fnm|fnm_multishells|fnm\/node-versions|\.asdf\/installs|mise\/installs|\.nodenv\/versions|\.volta\/tools|n\/versions|Cellar|_npx|\.npm\/_cacache)\//;

/** Warns if an upgrade would remove the path of an executable. */
export function vanishingWarnings(name: string, path: string): string[] {
  if (!VERSION_FOLDERS.test(path)) return [];
  return [
    `${name} is at ${path}, which an upgrade may remove. Run \`orp runner install\` again after an upgrade, or the service cannot start.`,
  ];
}

/** A symlink to this Node that survives upgrades, or the Node itself. */
function stableNode({ env, node }: PlanSource): string {
  const real = realPathOf(node);
  const links = pathFolders(env).map((folder) => join(folder, 'node'));
  return [...links, node].find((path) => realPathOf(path) === real && !VERSION_FOLDERS.test(path)) ?? node;
}

const SYSTEM_PATH = ['/opt/homebrew/bin', '/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/** The PATH of the installing shell, for tools of the agent, without temporary folders. */
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
 * Settings that a shell has but a service would lack. Codex reads its keys from its own files. The plan does not set the time
 * zone,
 * because the computer may travel.
 */
const CARRIED = /^(ORP_[A-Z_]+|CODEX_(HOME|BIN|PROFILE)|XDG_(CONFIG|STATE)_HOME|LANG|LC_ALL)$/;
const CARRIED_PROXY = /^(https?_proxy|no_proxy|all_proxy|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS)$/i;
/** Excluded: secrets do not belong in the definition, and a version would be wrong after an upgrade. */
const LEFT_OUT = /TOKEN|SECRET|PASSWORD|KEY$|^ORP_(VERSION|DEBUG|RUNNER_SERVICE)$/;

function carriedSettings(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = Object.keys(env).filter(
    (name) => (CARRIED.test(name) || CARRIED_PROXY.test(name)) && !LEFT_OUT.test(name),
  );
  return Object.fromEntries(
    names.sort().flatMap((name) => {
      const value = env[name]?.trim() ?? '';
      // A line break would start another setting in a unit file. Property lists allow no control characters.
      return value === '' || /\p{Cc}/u.test(value) ? [] : [[name, value]];
    }),
  );
}

/** Makes a path absolute, because the service starts in another folder. Names without a folder are searched on the PATH. */
function carriedAgent(env: NodeJS.ProcessEnv): Record<string, string> {
  const { CODEX_BIN: bin } = carriedSettings(env);
  return bin?.includes('/') ? { CODEX_BIN: resolve(expandHome(bin)) } : {};
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
