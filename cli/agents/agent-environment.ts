/**
 * The environment of an agent. It keeps the user's shell setup, so that Codex, git, ssh and other tools work. It drops the
 * runner's own variables and the variables of the process that started the runner: a git hook, an npm script, a debugger, another
 * agent.
 */

import { withAbsoluteFolders } from '../files/paths.ts';
import { withoutRepositoryVariables } from '../git/git-variables.ts';

/** The runner's own settings and secrets. */
const OF_THE_RUNNER = /^ORP_/;

const OF_THE_LAUNCHING_SESSION = [
  // From `npm start` and similar. The agent's npm must read its own settings.
  /^npm_(?:lifecycle_|package_|command$|execpath$|node_execpath$)/,
  /^INIT_CWD$/,
  // A debugger or IPC channel of the process that started the runner.
  /^(?:NODE_OPTIONS|NODE_CHANNEL_FD|NODE_CHANNEL_SERIALIZATION_MODE|NODE_UNIQUE_ID|NODE_INSPECT_RESUME_ON_START|VSCODE_INSPECTOR_OPTIONS)$/,
  // Another agent's session. With these variables, Codex assumes that it runs inside that agent's sandbox.
  /^CODEX_(?:SANDBOX|SANDBOX_NETWORK_DISABLED|THREAD_ID|SESSION_ID|CI|INTERNAL_.*)$/,
  /^CLAUDECODE$|^CLAUDE_CODE_(?:ENTRYPOINT|SSE_PORT|SESSION_ID)$/,
  // Set by the service manager for its own process.
  /^(?:NOTIFY_SOCKET|WATCHDOG_PID|WATCHDOG_USEC|INVOCATION_ID|JOURNAL_STREAM|LISTEN_PID|LISTEN_FDS|LISTEN_FDNAMES|XPC_SERVICE_NAME|XPC_FLAGS)$/,
  /^(?:OLDPWD|SHLVL|_)$/,
];

/** The environment of an agent that works in `cwd`. */
export function agentEnvironment(env: NodeJS.ProcessEnv, cwd: string): NodeJS.ProcessEnv {
  // With the variables of a git hook, all git commands of the agent would use the hook's repository.
  const kept = Object.entries(withAbsoluteFolders(withoutRepositoryVariables(env))).filter(
    ([name]) => !OF_THE_RUNNER.test(name) && !OF_THE_LAUNCHING_SESSION.some((left) => left.test(name)),
  );
  // Programs prefer PWD if it names the working directory, for example through a symlink.
  return { ...Object.fromEntries(kept), PWD: cwd };
}
