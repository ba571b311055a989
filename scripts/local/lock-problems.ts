/** What a lock file must hold so that an install fetches exactly what was reviewed, on every platform, from any registry. */

/** An entry of `packages` in a lock file of version 3. */
export interface LockedPackage {
  /** Written only where it is not the name of the folder: another package takes that name. */
  name?: string;
  version?: string;
  integrity?: string;
  /** A folder of the repository for a link; npm leaves it out for packages of a registry (`omit-lockfile-registry-resolved`). */
  resolved?: string;
  link?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
  /** Only of the project and its folders. */
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

export type Packages = Record<string, LockedPackage>;

/** SHA-512 in base64; what npm writes today. */
const INTEGRITY = /^sha512-[A-Za-z0-9+/]{86}==$/;
/** Sources that no hash can pin before they are fetched. */
const UNPINNED =
  /^(?:git|https?|ssh|github|gitlab|bitbucket|gist|link|portal)[+:]|^[^/]*@[\w.-]+:|^[\w.-]+\/[\w.-]+(?:#|$)/;

/** Sentences about entries that break a rule; empty for a sound lock file. `scripts` names packages that may run code when installed. */
export function lockProblems(packages: Packages, scripts: ReadonlySet<string>): string[] {
  return Object.keys(packages).flatMap((path) => [
    ...sourceProblems(packages, path),
    ...missingOf(packages, path),
    ...scriptProblems(packages, path, scripts),
  ]);
}

function sourceProblems(packages: Packages, path: string): string[] {
  const { integrity, resolved, link } = packages[path] ?? {};
  const unpinned = wantedBy(packages[path])
    .filter(([, wanted]) => UNPINNED.test(wanted) || isFileElsewhere(packages, wanted))
    .map(([name, wanted]) => `${path || 'package.json'} takes ${name} from ${wanted}`);
  // The project itself and its folders are not fetched.
  if (!path.includes('node_modules/')) return unpinned;
  if (link)
    return resolved !== undefined && isOwnFolder(packages, resolved)
      ? unpinned
      : [...unpinned, `${path} links to ${resolved}`];
  const named = resolved === undefined ? [] : [`${path} names a source: ${resolved}`];
  const unhashed = INTEGRITY.test(integrity ?? '') ? [] : [`${path} has no integrity hash`];
  return [...unpinned, ...named, ...unhashed];
}

function wantedBy(entry: LockedPackage = {}): [name: string, wanted: string][] {
  const { dependencies, devDependencies, optionalDependencies } = entry;
  return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
}

/** npm lists folders outside of the repository, too. */
function isOwnFolder(packages: Packages, path: string): boolean {
  return path in packages && !/^(?:\.\.(?:\/|$)|\/|[A-Za-z]:)/.test(path) && !path.includes('/../');
}

function isFileElsewhere(packages: Packages, wanted: string): boolean {
  return wanted.startsWith('file:') && !isOwnFolder(packages, wanted.slice('file:'.length));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** A script that runs while a package is installed can fetch what no lock file names. */
function scriptProblems(packages: Packages, path: string, scripts: ReadonlySet<string>): string[] {
  const { hasInstallScript, name = nameOf(path) } = packages[path] ?? {};
  if (!hasInstallScript || scripts.has(name)) return [];
  return [`${path} runs a script when it is installed`];
}

/** npm writes only the packages that the registry at hand offers; without those of other platforms `npm ci` fails there. */
function missingOf(packages: Packages, path: string): string[] {
  return wantedBy(packages[path])
    .filter(([name, wanted]) => {
      const found = resolve(packages, path, name);
      const [, other, version = wanted] = /^npm:(.+)@(.+)$/.exec(wanted) ?? [];
      const isExact = /^\d+\.\d+\.\d+[^ ]*$/.test(version);
      return found === undefined || found.name !== other || (isExact && found.version !== version);
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

/** Files that npm or another installer takes instead of `package-lock.json`. */
const OTHER_LOCKS = /(?:^|\/)(?:npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?)$/;

/**
 * Sentences about folders from which something can be installed that no lock file holds.
 * @param files paths in the repository of every `package.json` and lock file
 * @param locks the packages of each `package-lock.json`, by its path
 */
export function folderProblems(files: readonly string[], locks: ReadonlyMap<string, Packages>): string[] {
  const others = files.filter((file) => OTHER_LOCKS.test(file));
  const unlocked = files
    .filter((file) => /(?:^|\/)package\.json$/.test(file))
    .filter((file) => !isLocked(file.slice(0, -'package.json'.length), locks));
  return [
    ...others.map((file) => `${file} takes the place of package-lock.json`),
    ...unlocked.map((file) => `${file} has no lock file`),
  ];
}

/** By a lock file beside it, or as a folder of one above it. */
function isLocked(folder: string, locks: ReadonlyMap<string, Packages>): boolean {
  return [...locks].some(([file, packages]) => {
    const place = file.slice(0, -'package-lock.json'.length);
    return folder.startsWith(place) && folder.slice(place.length).replace(/\/$/, '') in packages;
  });
}
