/**
 * The files that the pages load besides HTML: a style sheet, a script, an icon and the manifest. The path contains a hash
 * of the content, so browsers can cache a file forever and still load new files right after a deploy.
 */

import base from '../browser/base.css';
import operators from '../browser/console.css';
import forms from '../browser/forms.css';
import frame from '../browser/frame.css';
import icon from '../browser/icon.svg';
import idea from '../browser/idea.css';
import job from '../browser/job.css';
import lists from '../browser/lists.css';
import script from '../browser/live.js';
import manifest from '../browser/orp.webmanifest';
import phone from '../browser/phone.css';
import session from '../browser/session.css';

export interface Asset {
  type: string;
  text: string;
}

const ASSETS = {
  'app.css': {
    type: 'text/css; charset=utf-8',
    text: dense([base, frame, forms, lists, job, session, idea, operators, phone].join('\n')),
  },
  'live.js': { type: 'text/javascript; charset=utf-8', text: script },
  'icon.svg': { type: 'image/svg+xml', text: icon },
  'orp.webmanifest': { type: 'application/manifest+json', text: manifest },
} as const satisfies Record<string, Asset>;
export type AssetName = keyof typeof ASSETS;

const PATHS = Object.fromEntries(
  Object.entries(ASSETS).map(([name, { text }]) => [name, `/assets/${hashOf(text)}/${name}`]),
) as Record<AssetName, string>;

/** Returns the path under which pages load an asset. */
export function assetPath(name: AssetName): string {
  return PATHS[name];
}

/** Finds the asset of a path. `isCurrent` is true if the hash in the path matches the content. */
export function findAsset(path: string): (Asset & { isCurrent: boolean }) | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (!Object.hasOwn(ASSETS, name)) return undefined;
  return { ...ASSETS[name as AssetName], isCurrent: path === PATHS[name as AssetName] };
}

/** Without comments, and without the white space between rules and declarations. */
function dense(styles: string): string {
  return styles.replace(/\/\*[\s\S]*?\*\//g, '').replace(/([,;{}])\s*\n\s*/g, '$1');
}

/** FNV-1a. It only distinguishes versions, so it need not be secure. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
