/**
 * The extensions that a server has announced, stored in a small file for the next command. Unknown servers and servers that
 * announce nothing are treated as v0.4.4.
 */

import { join } from 'node:path';
import { CAPABILITIES, type Capability } from '../../spec/capabilities.ts';
import { isObject, readJsonObject, writeJsonFile } from '../files/json-file.ts';
import { stateFolder } from '../files/paths.ts';

export interface KnownServer {
  /** Returns whether the server announced this extension. */
  offers(capability: Capability): boolean;
  /** Returns whether the server announced any extension. */
  announces(): boolean;
  /** Replaces the announced extensions. */
  learn(announced: ReadonlySet<Capability>): void;
}

/** The extensions that this process knows, by file and address. This also works if the file is not writable. */
const heard = new Map<string, ReadonlySet<Capability>>();

/** The file maps each address to a list of names. */
function knownServersPath(env: NodeJS.ProcessEnv): string {
  return join(stateFolder(env), 'servers.json');
}

/** The known extensions of the server at a base URL. */
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
        // If the write fails, the next command only needs one more request.
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
    // Unreadable. The next answer of the server announces its extensions again.
    return undefined;
  }
}

function isSame(a: ReadonlySet<Capability>, b: ReadonlySet<Capability>): boolean {
  return a.size === b.size && [...a].every((name) => b.has(name));
}
