/**
 * What an agent inherits. People set up their shell so that Codex, git, ssh and their tools work: all of that is kept.
 * Left out is what belongs to the runner itself, and what only describes the session the runner happened to be started
 * from: a hook of git, a script of npm, a debugger, another agent.
 */

import { withAbsoluteFolders } from '../files/paths.ts';
import { withoutRepositoryVariables } from '../git/git-variables.ts';

/** The runner's own settings and secrets. */
const OF_THE_RUNNER = /^ORP_/;

const OF_THE_LAUNCHING_SESSION = [
  // `npm start` and the like: the agent's own npm must read its own settings.
  /^npm_(?:lifecycle_|package_|command$|execpath$|node_execpath$)/,
  /^INIT_CWD$/,
  // A debugger or a channel of the process that started the runner.
  /^(?:NODE_OPTIONS|NODE_CHANNEL_FD|NODE_CHANNEL_SERIALIZATION_MODE|NODE_UNIQUE_ID|NODE_INSPECT_RESUME_ON_START|VSCODE_INSPECTOR_OPTIONS)$/,
  // Another agent's session: a Codex that reads these believes that it runs inside that one's sandbox.
  /^CODEX_(?:SANDBOX|SANDBOX_NETWORK_DISABLED|THREAD_ID|SESSION_ID|CI|INTERNAL_.*)$/,
  /^CLAUDECODE$|^CLAUDE_CODE_(?:ENTRYPOINT|SSE_PORT|SESSION_ID)$/,
  // Set by the service manager for the process it started.
  /^(?:NOTIFY_SOCKET|WATCHDOG_PID|WATCHDOG_USEC|INVOCATION_ID|JOURNAL_STREAM|LISTEN_PID|LISTEN_FDS|LISTEN_FDNAMES|XPC_SERVICE_NAME|XPC_FLAGS)$/,
  /^(?:OLDPWD|SHLVL|_)$/,
];

/** The environment of an agent that works in `cwd`. */
export function agentEnvironment(env: NodeJS.ProcessEnv, cwd: string): NodeJS.ProcessEnv {
  // A runner that was started from a git hook would send every git command of the agent to that repository.
  const kept = Object.entries(withAbsoluteFolders(withoutRepositoryVariables(env))).filter(
    ([name]) => !OF_THE_RUNNER.test(name) && !OF_THE_LAUNCHING_SESSION.some((left) => left.test(name)),
  );
  // Programs take the working directory from here when it is written another way, through a link for example.
  return { ...Object.fromEntries(kept), PWD: cwd };
}
