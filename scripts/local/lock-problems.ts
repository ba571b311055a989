/** Checks that a lock file makes an install fetch exactly the reviewed packages, on every platform and from any registry. */

/** An entry of `packages` in a lock file of version 3. */
export interface LockedPackage {
  /** Present only if the package name differs from the name of the folder. */
  name?: string;
  version?: string;
  integrity?: string;
  /**
   * The folder in the repository, for a link. npm omits it for packages of a registry (`omit-lockfile-registry-resolved`).
   */
  resolved?: string;
  link?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
  /** Present only for the project and its folders. */
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

export type Packages = Record<string, LockedPackage>;

/** SHA-512 in base64, as npm writes it. */
const INTEGRITY = /^sha512-[A-Za-z0-9+/]{86}==$/;
/** Sources that cannot be pinned by a hash. */
const UNPINNED =
  /^(?:git|https?|ssh|github|gitlab|bitbucket|gist|link|portal)[+:]|^[^/]*@[\w.-]+:|^[\w.-]+\/[\w.-]+(?:#|$)/;

/**
 * Returns a sentence for each entry that breaks a rule. `scripts` names packages that may run code when they are installed.
 */
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

/** Returns whether a path is a folder of the repository. npm also lists folders outside the repository. */
function isOwnFolder(packages: Packages, path: string): boolean {
  return path in packages && !/^(?:\.\.(?:\/|$)|\/|[A-Za-z]:)/.test(path) && !path.includes('/../');
}

function isFileElsewhere(packages: Packages, wanted: string): boolean {
  return wanted.startsWith('file:') && !isOwnFolder(packages, wanted.slice('file:'.length));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** Reports install scripts, because they can fetch files that no lock file pins. */
function scriptProblems(packages: Packages, path: string, scripts: ReadonlySet<string>): string[] {
  const { hasInstallScript, name = nameOf(path) } = packages[path] ?? {};
  if (!hasInstallScript || scripts.has(name)) return [];
  return [`${path} runs a script when it is installed`];
}

/** Reports missing packages. npm may omit packages for other platforms, and then `npm ci` fails on those platforms. */
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

/** Returns the entry that Node would find for `name` from the package at `from`, or undefined if the lock has none. */
function resolve(packages: Packages, from: string, name: string): LockedPackage | undefined {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))) {
    const found = packages[`${base}${base === '' ? '' : '/'}node_modules/${name}`];
    if (found || base === '') return found;
  }
}

/** Files that npm or another installer would use instead of `package-lock.json`. */
const OTHER_LOCKS = /(?:^|\/)(?:npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?)$/;

/**
 * Returns a sentence for each folder from which packages can be installed that no lock file pins.
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

/** Returns whether a lock file in this folder or a parent folder covers the folder. */
function isLocked(folder: string, locks: ReadonlyMap<string, Packages>): boolean {
  return [...locks].some(([file, packages]) => {
    const place = file.slice(0, -'package-lock.json'.length);
    return folder.startsWith(place) && folder.slice(place.length).replace(/\/$/, '') in packages;
  });
}
