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

/** Returns the asset that a path of another deploy means. */
export function assetOf(path: string): AssetName | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return NAMES.find((known) => known === name);
}
