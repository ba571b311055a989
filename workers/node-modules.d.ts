/**
 * Types for the parts of Node that this Worker uses. `@types/node` would also declare parts that the platform does not have.
 */

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
