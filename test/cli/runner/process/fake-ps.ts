/** A system that is asked with `ps`, as macOS is, on any system: what `ps` does is up to the test. */

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** `true`: it tells the truth. */
export type PsMood = 'true' | 'failing' | 'silent' | 'hanging';

export class FakePs implements Disposable {
  readonly #folder: string;
  readonly #path = process.env.PATH;
  readonly #platform = process.platform;

  /** From now on this process believes that it is on macOS. */
  constructor(folder: string, mood: PsMood = 'true') {
    this.#folder = folder;
    const real = execFileSync('sh', ['-c', 'command -v ps'], { encoding: 'utf8' }).trim();
    // The `ps` of Linux shows the environment when it is asked in the words of BSD.
    const words = this.#platform === 'linux' ? 'axeww -o pid=,command=' : '"$@"';
    const script = `#!/bin/sh
case "$(cat '${this.#moodFile}')" in
  failing) echo 'fork: Resource temporarily unavailable' >&2; exit 1 ;;
  silent) exit 0 ;;
  hanging) exec sleep 600 ;;
esac
if [ "$1" = -Eaxww ]; then exec '${real}' ${words}; fi
exec '${real}' "$@"
`;
    writeFileSync(join(folder, 'ps'), script, { mode: 0o755 });
    this.become(mood);
    process.env.PATH = `${folder}:${this.#path}`;
    setPlatform('darwin');
  }

  become(mood: PsMood): void {
    writeFileSync(this.#moodFile, mood);
  }

  [Symbol.dispose](): void {
    process.env.PATH = this.#path;
    setPlatform(this.#platform);
  }

  get #moodFile(): string {
    return join(this.#folder, 'ps.mood');
  }
}

function setPlatform(value: NodeJS.Platform): void {
  Object.defineProperty(process, 'platform', { ...PLATFORM, value });
}

const PLATFORM = Object.getOwnPropertyDescriptor(process, 'platform');
