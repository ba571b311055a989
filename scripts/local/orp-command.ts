/** Runs the built `orp` as a person would: a process of its own, its output read from stdout. */

import { spawn } from 'node:child_process';
import { projectPath } from './project-path.ts';

export interface OrpSettings {
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Ends a running command. */
  signal?: AbortSignal;
}

export interface OrpOutcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** An environment in which `orp` keeps its files in `folder` and inherits no settings of the person who runs this. */
export function isolatedEnv(folder: string): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(ORP_|CODA_|VERCEL_|npm_)/.test(name));
  return {
    ...Object.fromEntries(inherited),
    XDG_CONFIG_HOME: `${folder}/config`,
    XDG_STATE_HOME: `${folder}/state`,
    NO_COLOR: '1',
  };
}

/** Runs one command to its end, whatever its exit code. */
export function runOrp(settings: OrpSettings, args: string[], stdin = ''): Promise<OrpOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [projectPath('dist/orp.js'), ...args], {
      ...settings,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
    child.stdin.on('error', () => {
      // A command that reads no stdin may close it first; its exit code says how it went.
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.end(stdin);
  });
}

/** Runs a command with `--json` that must succeed; answers its document. */
export async function orpJson<Document>(
  settings: OrpSettings,
  args: string[],
  stdin?: string,
): Promise<Document> {
  const { code, stdout, stderr } = await runOrp(settings, [...args, '--json'], stdin);
  if (code !== 0) throw new Error(`orp ${args.join(' ')} ended with ${code}:\n${stderr}${stdout}`.trim());
  return JSON.parse(stdout) as Document;
}
