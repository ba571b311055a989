/** Programs named like those of the system that record what they are asked, and remember whether the service is loaded. */

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class FakeManager {
  readonly bin: string;
  readonly #folder: string;

  constructor(home: string) {
    this.#folder = join(home, 'manager');
    this.bin = join(this.#folder, 'bin');
    mkdirSync(this.bin, { recursive: true });
    writeFileSync(this.#file('calls'), '');
    this.state = 'absent';
    this.#program(
      'systemctl',
      `case "$*" in
  *show*) [ "$state" = absent ] && echo LoadState=not-found && echo ActiveState=inactive && exit 0
          echo LoadState=loaded; [ "$state" = running ] && echo ActiveState=active || echo ActiveState=inactive ;;
  *disable*) echo absent > "$folder/state" ;;
  *enable*|*"--user start"*|*restart*) echo running > "$folder/state" ;;
esac`,
    );
    this.#program(
      'launchctl',
      `case "$1" in
  print) [ "$state" = absent ] && echo "Could not find service" >&2 && exit 113
         echo "  state = $([ "$state" = running ] && echo running || echo 'not running')" ;;
  bootout) echo absent > "$folder/state" ;;
  bootstrap|kickstart) echo running > "$folder/state" ;;
esac`,
    );
    this.#program('loginctl', 'echo no');
  }

  get state(): string {
    return readFileSync(this.#file('state'), 'utf8').trim();
  }

  set state(state: 'absent' | 'loaded' | 'running') {
    writeFileSync(this.#file('state'), `${state}\n`);
  }

  /** What was asked since the last time, without questions. */
  takeOrders(): string[] {
    const calls = readFileSync(this.#file('calls'), 'utf8').split('\n').filter(Boolean);
    writeFileSync(this.#file('calls'), '');
    return calls.filter((call) => !/ show|^launchctl print|^loginctl/.test(call));
  }

  /** launchd as it is: `bootout` returns early, and a `bootstrap` soon after it fails; each so many times less one. */
  slowToForget(times: number): void {
    writeFileSync(this.#file('left'), `${times}\n`);
    writeFileSync(this.#file('failures'), `${times}\n`);
    this.#program(
      'launchctl',
      `count() { n=$(($(cat "$folder/$1") - 1)); echo "$n" > "$folder/$1"; [ "$n" -gt 0 ]; }
case "$1" in
  print) if [ "$state" = leaving ]; then count left || { echo absent > "$folder/state"; state=absent; }; fi
         [ "$state" = absent ] && echo "Could not find service" >&2 && exit 113
         echo "  state = $state" ;;
  bootout) echo leaving > "$folder/state" ;;
  bootstrap) count failures && echo "Bootstrap failed: 5: Input/output error" >&2 && exit 5
             echo running > "$folder/state" ;;
esac`,
    );
  }

  /** From now on a program fails with these words. */
  break(program: string, message: string): void {
    this.#program(program, `echo "${message}" >&2; exit 1`);
  }

  #program(name: string, body: string): void {
    const path = join(this.bin, name);
    const head = `#!/bin/sh
folder='${this.#folder}'
echo "${name} $*" >> "$folder/calls"
state=$(cat "$folder/state")
`;
    writeFileSync(path, `${head}${body}\n`);
    chmodSync(path, 0o755);
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }
}
