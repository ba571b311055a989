/**
 * The files that the pages load besides HTML: a style sheet, a script, icons and the manifest. The path contains a hash
 * of the content, so browsers can cache a file forever and still load new files right after a deploy.
 */

import base from '../browser/base.css';
import operators from '../browser/console.css';
import forms from '../browser/forms.css';
import frame from '../browser/frame.css';
import icon from '../browser/icon.svg';
import icon180 from '../browser/icons/icon-180.png';
import icon192 from '../browser/icons/icon-192.png';
import icon512 from '../browser/icons/icon-512.png';
import idea from '../browser/idea.css';
import job from '../browser/job.css';
import lists from '../browser/lists.css';
import script from '../browser/live.js';
import manifest from '../browser/orp.webmanifest';
import phone from '../browser/phone.css';
import session from '../browser/session.css';

export interface Asset {
  type: string;
  /** The content: text, or the bytes of a picture. */
  text: string | ArrayBuffer;
}

const ASSETS = {
  'app.css': {
    type: 'text/css; charset=utf-8',
    text: dense([base, frame, forms, lists, job, session, idea, operators, phone].join('\n')),
  },
  'live.js': { type: 'text/javascript; charset=utf-8', text: script },
  'icon.svg': { type: 'image/svg+xml', text: icon },
  'orp.webmanifest': { type: 'application/manifest+json', text: manifest },
  // The icons of a home screen. They fill the whole square, because a phone cuts out its own shape.
  'icon-180.png': { type: 'image/png', text: icon180 },
  'icon-192.png': { type: 'image/png', text: icon192 },
  'icon-512.png': { type: 'image/png', text: icon512 },
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
function hashOf(content: string | ArrayBuffer): string {
  const units =
    typeof content === 'string'
      ? Array.from(content, (_, at) => content.charCodeAt(at))
      : new Uint8Array(content);
  let hash = 0x811c9dc5;
  for (const unit of units) hash = Math.imul(hash ^ unit, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
