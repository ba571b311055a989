/** Runs wrangler. Tests set `ORP_WRANGLER` to a program that records the calls. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectPath } from '../local/project-path.ts';
import { UsageError } from '../local/words.ts';

export interface Ran {
  ok: boolean;
  stdout: string;
  stderr: string;
}

/** `isShown`: wrangler's own output is for the operator. */
export function wrangler(args: readonly string[], { isShown = false, env = {} } = {}): Ran {
  const bin = process.env.ORP_WRANGLER ?? projectPath('node_modules/.bin/wrangler');
  const done = spawnSync(bin, args, {
    cwd: projectPath(''),
    encoding: 'utf8',
    // Without a terminal on stdin, wrangler asks nothing.
    stdio: ['ignore', isShown ? 'inherit' : 'pipe', isShown ? 'inherit' : 'pipe'],
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1', ...env },
  });
  return { ok: done.status === 0, stdout: done.stdout ?? '', stderr: done.stderr ?? '' };
}

/** Runs wrangler. If it fails, throws with its output. */
export function mustRun(what: string, args: readonly string[], options?: { isShown?: boolean }): string {
  const { ok, stdout, stderr } = wrangler(args, options);
  if (ok) return stdout;
  throw new UsageError(
    `${what}: wrangler ${args.slice(0, 3).join(' ')} failed. ${`${stdout}${stderr}`.trim()}`.trim(),
    'Nothing after this step was done. Repair the cause, then repeat the command: it continues where it stopped.',
  );
}

/** Runs a command that prints a JSON document. */
export function readJson<Document>(what: string, args: readonly string[]): Document {
  const text = mustRun(what, args);
  try {
    return JSON.parse(text) as Document;
  } catch {
    throw new UsageError(
      `${what}: wrangler printed something else than JSON: ${text.trim().slice(0, 200)}`,
      'Run npm ci: the script expects the wrangler of the lock file.',
    );
  }
}

/** Throws if wrangler is not signed in to Cloudflare. */
export function requireSignIn(): void {
  if (wrangler(['whoami', '--json']).ok) return;
  throw new UsageError(
    'wrangler is not signed in to Cloudflare.',
    'Run npx wrangler login, or set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID.',
  );
}

/** Runs `wrangler deploy` with its output on the terminal. Returns the addresses and the id of the new version. */
export function runDeploy(args: readonly string[]): { targets: string[]; versionId: string | undefined } {
  const folder = mkdtempSync(join(tmpdir(), 'orp-deploy-'));
  const report = join(folder, 'report.ndjson');
  try {
    const { ok } = wrangler(args, { isShown: true, env: { WRANGLER_OUTPUT_FILE_PATH: report } });
    if (!ok) {
      throw new UsageError(
        'wrangler deploy failed; the lines above say why.',
        'The previous version of the server still runs. The migrations are applied. Fix the cause, then repeat the command.',
      );
    }
    const lines = existsSync(report) ? readFileSync(report, 'utf8').split('\n').filter(Boolean) : [];
    const entry = lines
      .map((line) => JSON.parse(line) as { type: string; targets?: string[]; version_id?: string })
      .find(({ type }) => type === 'deploy');
    return { targets: entry?.targets ?? [], versionId: entry?.version_id };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
