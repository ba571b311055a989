/**
 * Which extensions a server has announced. It is kept in a small file, so that the first call of the next command already
 * knows. A server that nobody has heard, and one that announces nothing, are treated alike: `orp` speaks v0.4.4 to both.
 */

import { join } from 'node:path';
import { CAPABILITIES, type Capability } from '../../spec/contract/capabilities.ts';
import { isObject, readJsonObject, writeJsonFile } from '../files/json-file.ts';
import { stateFolder } from '../files/paths.ts';

export interface KnownServer {
  /** Whether the server announced this extension. */
  offers(capability: Capability): boolean;
  /** Whether it announced any. */
  announces(): boolean;
  /** Keeps what the server has just announced. An empty set clears what it announced before. */
  learn(announced: ReadonlySet<Capability>): void;
}

/** What this process has heard, by file and address. The file may not be writable; then this is all there is. */
const heard = new Map<string, ReadonlySet<Capability>>();

/** The file: one key per address, with the list of names. */
function knownServersPath(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'servers.json');
}

/** What is known of the server at this base URL. */
export function knownServer(env: NodeJS.ProcessEnv, baseUrl: string): KnownServer {
  const path = knownServersPath(env);
  const key = `${path} ${baseUrl}`;
  const announced = () => heard.get(key) ?? readAnnounced(path, baseUrl);
  return {
    offers: (capability) => announced().has(capability),
    announces: () => announced().size > 0,
    learn(next) {
      if (isSame(announced(), next)) return;
      heard.set(key, next);
      try {
        writeJsonFile(path, { ...readJsonObject(path), [baseUrl]: [...next] });
      } catch {
        // A full disk costs the next command one more question, and this one nothing.
      }
    },
  };
}

function readAnnounced(path: string, baseUrl: string): ReadonlySet<Capability> {
  const servers = readQuietly(path);
  const names = isObject(servers) ? servers[baseUrl] : undefined;
  return new Set(Array.isArray(names) ? CAPABILITIES.filter((name) => names.includes(name)) : []);
}

function readQuietly(path: string): unknown {
  try {
    return readJsonObject(path);
  } catch {
    // Not readable: the server announces itself again with its next answer.
    return undefined;
  }
}

function isSame(a: ReadonlySet<Capability>, b: ReadonlySet<Capability>): boolean {
  return a.size === b.size && [...a].every((name) => b.has(name));
}
