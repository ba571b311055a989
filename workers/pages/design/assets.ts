/**
 * The files that the pages load besides HTML: a style sheet, a script, icons and the manifest. Their sources are in
 * `pages/browser/`. The platform serves them (wrangler.toml, `[assets]`), and this Worker only knows their paths. A path contains
 * a hash of the contents, so browsers keep a file for ever and still load new files right after a deploy.
 */

import paths from '../../static/paths.json';

const NAMES = [
  'app.css',
  'live.js',
  'icon.svg',
  'orp.webmanifest',
  // The icons of a home screen. They fill the whole square, because a phone cuts out its own shape.
  'icon-180.png',
  'icon-192.png',
  'icon-512.png',
] as const;
export type AssetName = (typeof NAMES)[number];

/** Returns the path under which pages load an asset. */
export function assetPath(name: AssetName): string {
  return `${paths.assets}/${name}`;
}

/** Returns the present path of an asset that a page of another deploy requests. */
export function presentPath(path: string): string | undefined {
  const name = NAMES.find((known) => path.endsWith(`/${known}`));
  // If the platform lacks the current file, a redirect to it would lead to this handler again.
  return name === undefined || path === assetPath(name) ? undefined : assetPath(name);
}
