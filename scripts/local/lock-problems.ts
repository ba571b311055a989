/** What a lock file must hold so that an install fetches exactly what was reviewed, on every platform, from any registry. */

/** An entry of `packages` in a lock file of version 3. */
export interface LockedPackage {
  version?: string;
  integrity?: string;
  /** A folder of the repository for a link; npm leaves it out for packages of a registry (`omit-lockfile-registry-resolved`). */
  resolved?: string;
  link?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

export type Packages = Record<string, LockedPackage>;

/** SHA-512 in base64; what npm writes today. */
const INTEGRITY = /^sha512-[A-Za-z0-9+/]{86}==$/;
/** Sources that no hash can pin before they are fetched. */
const UNPINNED = /^(?:git|https?|ssh|github|gitlab|bitbucket)[+:]|^[\w.-]+\/[\w.-]+(?:#|$)/;

/** Sentences about entries that break a rule; empty for a sound lock file. `scripts` names packages that may run code when installed. */
export function lockProblems(packages: Packages, scripts: ReadonlySet<string>): string[] {
  return Object.keys(packages).flatMap((path) => [
    ...sourceProblems(packages, path),
    ...missingOf(packages, path),
    ...scriptProblems(packages, path, scripts),
  ]);
}

function sourceProblems(packages: Packages, path: string): string[] {
  const { integrity, resolved, link, dependencies, optionalDependencies } = packages[path] ?? {};
  const unpinned = Object.entries({ ...dependencies, ...optionalDependencies })
    .filter(([, wanted]) => UNPINNED.test(wanted))
    .map(([name, wanted]) => `${path || 'package.json'} takes ${name} from ${wanted}`);
  // The project itself and its folders are not fetched.
  if (!path.includes('node_modules/')) return unpinned;
  if (link)
    return resolved !== undefined && resolved in packages
      ? unpinned
      : [...unpinned, `${path} links to ${resolved}`];
  const named = resolved === undefined ? [] : [`${path} names a source: ${resolved}`];
  const unhashed = INTEGRITY.test(integrity ?? '') ? [] : [`${path} has no integrity hash`];
  return [...unpinned, ...named, ...unhashed];
}

/** A script that runs while a package is installed can fetch what no lock file names. */
function scriptProblems(packages: Packages, path: string, scripts: ReadonlySet<string>): string[] {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  if (!packages[path]?.hasInstallScript || scripts.has(name)) return [];
  return [`${path} runs a script when it is installed`];
}

/** npm writes only the packages that the registry at hand offers; without those of other platforms `npm ci` fails there. */
function missingOf(packages: Packages, path: string): string[] {
  const { dependencies = {}, optionalDependencies = {} } = packages[path] ?? {};
  return Object.entries({ ...dependencies, ...optionalDependencies })
    .filter(([name, wanted]) => {
      const found = resolve(packages, path, name);
      const isExact = /^\d+\.\d+\.\d+[^ ]*$/.test(wanted);
      return found === undefined || (isExact && found.version !== wanted);
    })
    .map(([name, wanted]) => `${path || 'package.json'} needs ${name}@${wanted}, which is not there`);
}

/** Where Node would find `name` from the package at `from`; undefined when the lock has no entry for it. */
function resolve(packages: Packages, from: string, name: string): LockedPackage | undefined {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))) {
    const found = packages[`${base}${base === '' ? '' : '/'}node_modules/${name}`];
    if (found || base === '') return found;
  }
}
