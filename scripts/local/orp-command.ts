/** Runs the built `orp` as a process and reads its output, as a person would. */

import { withAbsoluteFolders } from '../../cli/files/paths.ts';
import { withoutRepositoryVariables } from '../../cli/git/git-variables.ts';
import { projectPath } from './project-path.ts';
import { type Outcome, runProcess, type Where } from './run-process.ts';

/** An environment in which `orp` keeps its files in `folder` and does not use the settings of the current user. */
export function isolatedEnv(folder: string): NodeJS.ProcessEnv {
  const usable = withAbsoluteFolders(withoutRepositoryVariables(process.env));
  const inherited = Object.entries(usable).filter(([name]) => !/^(ORP_|CODA_|VERCEL_|npm_)/.test(name));
  return {
    ...Object.fromEntries(inherited),
    XDG_CONFIG_HOME: `${folder}/config`,
    XDG_STATE_HOME: `${folder}/state`,
    NO_COLOR: '1',
  };
}

/** Runs one command until it ends. Any exit code is accepted. */
export function runOrp(where: Where, args: string[], stdin?: string): Promise<Outcome> {
  return runProcess([process.execPath, projectPath('dist/orp.js'), ...args], where, stdin);
}

/** Runs a command with `--json` that must succeed. Returns its document. */
export async function orpJson<Document>(where: Where, args: string[], stdin?: string): Promise<Document> {
  const { code, stdout, stderr } = await runOrp(where, [...args, '--json'], stdin);
  if (code !== 0) throw new Error(`orp ${args.join(' ')} ended with ${code}:\n${stderr}${stdout}`.trim());
  return JSON.parse(stdout) as Document;
}
