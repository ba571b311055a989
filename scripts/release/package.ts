/** Packs the npm package, and installs it as a person would. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectPath } from '../local/project-path.ts';

export interface Tarball {
  path: string;
  bytes: number;
  files: string[];
}

/** Runs npm. Returns its output; throws with it if npm fails. */
export function npm(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env): string {
  const done = spawnSync('npm', args, {
    cwd,
    encoding: 'utf8',
    env: { ...env, npm_config_fund: 'false', npm_config_audit: 'false', npm_config_update_notifier: 'false' },
  });
  if (done.status === 0) return done.stdout;
  const why = done.error?.message ?? `${done.stdout}${done.stderr}`.trim();
  throw new Error(`npm ${args.join(' ')} failed: ${why}`);
}

/** Packs this checkout into `folder`. Packing includes a build. With `isBuilt`, the existing build is packed. */
export function pack(folder: string, { isBuilt = false } = {}): Tarball {
  const args = ['pack', '--json', '--loglevel=error', '--pack-destination', folder];
  const text = npm(isBuilt ? [...args, '--ignore-scripts'] : args, projectPath(''));
  // The output of `prepack` may come before the JSON document.
  const [packed] = JSON.parse(text.slice(text.search(/^\[/m))) as {
    filename: string;
    size: number;
    files: { path: string }[];
  }[];
  if (packed === undefined) throw new Error(`npm pack named no file: ${text}`);
  return {
    path: join(folder, packed.filename),
    bytes: packed.size,
    files: packed.files.map(({ path }) => path),
  };
}

/** Installs the tarball into a new empty project, without any registry and optional packages. Returns its folder. */
export function install(tarball: Tarball, folder: string): string {
  const project = join(folder, 'project');
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, 'package.json'), '{"name": "empty", "private": true, "type": "module"}');
  npm(
    ['install', '--offline', '--omit=optional', '--no-package-lock', '--loglevel=error', tarball.path],
    project,
  );
  return project;
}
