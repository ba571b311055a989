/**
 * Writes the static files of the server into `workers/static/`: `files/` is what the platform serves without the Worker, and
 * `paths.json` tells the Worker where. Git ignores the folder. Everything that bundles or runs the Worker calls this first, and
 * wrangler does so too (wrangler.toml, `[build]`).
 */

import { createHash } from 'node:crypto';
import { globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { PAGE_HEADERS } from '../../workers/http/security-headers.ts';
import { projectPath } from './project-path.ts';

const SOURCES = 'workers/pages/browser';
const TARGET = 'workers/static';

/** The parts of `app.css`, in the order in which they apply. */
const STYLES = ['base', 'frame', 'forms', 'lists', 'job', 'session', 'idea', 'console', 'phone'];
/** Served as they are. */
const COPIES = [
  'live.js',
  'icon.svg',
  'orp.webmanifest',
  'icons/icon-180.png',
  'icons/icon-192.png',
  'icons/icon-512.png',
];

/** The headers of the files by path, in the form that the platform reads. */
const HEADERS = `/*
${Object.entries(PAGE_HEADERS)
  .map(([name, value]) => `  ${name}: ${value}`)
  .join('\n')}
# The path contains a hash of the contents.
/assets/*
  Cache-Control: public, max-age=31536000, immutable
# The document is public, and tools in browsers read it from other addresses.
/openapi.json
  Cache-Control: public, max-age=300
  Access-Control-Allow-Origin: *
  ! Cross-Origin-Resource-Policy
`;

/** Writes only what has changed, so that the time of a file says when its content changed. */
export function writeStaticFiles(): void {
  const assets = new Map<string, Buffer>([
    ['app.css', Buffer.from(dense(STYLES.map((name) => source(`${name}.css`).toString('utf8')).join('\n')))],
    ...COPIES.map((path): [string, Buffer] => [basename(path), source(path)]),
  ]);
  // All icons share one hash, because the manifest names the icons in its own folder.
  const folder = `assets/${hashOf(assets)}`;
  const openApi: unknown = JSON.parse(readFileSync(projectPath('spec/openapi.json'), 'utf8'));
  const files = new Map<string, Buffer>([
    ...[...assets].map(([name, content]): [string, Buffer] => [`files/${folder}/${name}`, content]),
    ['files/openapi.json', Buffer.from(JSON.stringify(openApi))],
    ['files/_headers', Buffer.from(HEADERS)],
    ['paths.json', Buffer.from(`${JSON.stringify({ assets: `/${folder}` })}\n`)],
  ]);
  for (const [path, content] of files) write(path, content);
  removeOthers(files);
}

function source(name: string): Buffer {
  return readFileSync(projectPath(`${SOURCES}/${name}`));
}

/** Removes comments, and the white space between rules and declarations. */
function dense(styles: string): string {
  return styles.replace(/\/\*[\s\S]*?\*\//g, '').replace(/([,;{}])\s*\n\s*/g, '$1');
}

function hashOf(files: ReadonlyMap<string, Buffer>): string {
  const hash = createHash('sha256');
  for (const [name, content] of files) hash.update(`${name} ${content.length}\n`).update(content);
  return hash.digest('hex').slice(0, 8);
}

function write(path: string, content: Buffer): void {
  const target = projectPath(`${TARGET}/${path}`);
  if (read(target)?.equals(content)) return;
  mkdirSync(dirname(target), { recursive: true });
  // Another process may write and read at the same time, so the file appears complete, and the draft is not served.
  const draft = projectPath(`${TARGET}/${basename(path)}.${process.pid}`);
  writeFileSync(draft, content);
  renameSync(draft, target);
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** Removes the files of an earlier state. */
function removeOthers(files: ReadonlyMap<string, Buffer>): void {
  const root = projectPath(TARGET);
  const folders = new Set([...files.keys()].map((path) => dirname(path)));
  for (const path of globSync('files/assets/*', { cwd: root })) {
    if (!folders.has(path)) rmSync(`${root}/${path}`, { recursive: true, force: true });
  }
}
