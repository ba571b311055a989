/** The little of Node that the platform offers and this Worker uses; the whole of `@types/node` would offer far more than there is. */

declare module 'node:crypto' {
  interface ScryptCost {
    N: number;
    r: number;
    p: number;
    maxmem: number;
  }
  type Done = (error: Error | null, key: Uint8Array) => void;
  export function scrypt(
    ...args: [password: string, salt: Uint8Array, length: number, cost: ScryptCost, done: Done]
  ): void;
  export function timingSafeEqual(left: Uint8Array, right: Uint8Array): boolean;
}

declare module 'node:buffer' {
  export class Buffer extends Uint8Array {
    static from(text: string, encoding?: 'base64url' | 'hex' | 'utf8'): Buffer;
    static from(bytes: ArrayBuffer | Uint8Array): Buffer;
    override toString(encoding?: 'base64url' | 'hex'): string;
  }
}
