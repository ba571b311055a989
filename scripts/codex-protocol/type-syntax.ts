/** Parses the small part of TypeScript that type declarations of the protocol use. */

export type Type =
  | { kind: 'object'; fields: Map<string, Field> }
  | { kind: 'any-of'; parts: Type[] }
  | { kind: 'name'; name: string; args: Type[] }
  | { kind: 'word'; word: string };

export interface Field {
  type: Type;
  isOptional: boolean;
}

const TOKEN = /\s*('[^']*'|"[^"]*"|\w+|[{}()[\]<>|&:;,?])/y;
const DECLARATION =
  /export (?:type (\w+) =|interface (\w+)(?= \{))([\s\S]*?)(?=\n\n|\n?$(?![\s\S])|\nexport )/g;

/** Every type and interface of a formatted file, by name. */
export function parseTypes(text: string): Map<string, Type> {
  const types = new Map<string, Type>();
  for (const [, alias, face, body = ''] of text.matchAll(DECLARATION)) {
    types.set(alias ?? face ?? '', new Parser(body).type());
  }
  return types;
}

class Parser {
  readonly #tokens: string[] = [];
  #at = 0;

  constructor(text: string) {
    TOKEN.lastIndex = 0;
    for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text))
      this.#tokens.push(match[1] ?? '');
  }

  /** Parses unions and intersections in the same way. The type has the fields of all its parts. */
  type(): Type {
    const parts: Type[] = [];
    do {
      while (this.#takes('|') || this.#takes('&'));
      parts.push(this.#single());
    } while (this.#peek() === '|' || this.#peek() === '&');
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { kind: 'any-of', parts };
  }

  #single(): Type {
    const token = this.#next();
    if (token === '{') return this.#withArrays(this.#object());
    if (token === '(') {
      const inner = this.type();
      this.#expect(')');
      return this.#withArrays(inner);
    }
    if (/^['"]/.test(token)) return { kind: 'word', word: token.slice(1, -1) };
    if (!/^\w+$/.test(token)) throw new Error(`unexpected ${token || 'end'} in a type`);
    const args: Type[] = [];
    if (this.#takes('<')) {
      do args.push(this.type());
      while (this.#takes(','));
      this.#expect('>');
    }
    return this.#withArrays({ kind: 'name', name: token, args });
  }

  #withArrays(type: Type): Type {
    if (!this.#takes('[')) return type;
    this.#expect(']');
    return this.#withArrays({ kind: 'name', name: 'Array', args: [type] });
  }

  #object(): Type {
    const fields = new Map<string, Field>();
    while (!this.#takes('}')) {
      const name = this.#takes('[') ? this.#indexName() : this.#next().replace(/^['"]|['"]$/g, '');
      const isOptional = this.#takes('?');
      this.#expect(':');
      fields.set(name, { type: this.type(), isOptional });
      while (this.#takes(';') || this.#takes(','));
    }
    return { kind: 'object', fields };
  }

  /** Parses `[key in string]` and `[key: string]`, where a field may have any name. */
  #indexName(): string {
    while (!this.#takes(']')) this.#next();
    return '*';
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  #next(): string {
    return this.#tokens[this.#at++] ?? '';
  }

  #takes(token: string): boolean {
    if (this.#peek() !== token) return false;
    this.#at += 1;
    return true;
  }

  #expect(token: string): void {
    if (!this.#takes(token))
      throw new Error(`expected ${token} instead of ${this.#peek() ?? 'the end'} in a type`);
  }
}

/** Prints a type in one line. Equal types give equal lines. */
export function printType(type: Type): string {
  if (type.kind === 'word') return JSON.stringify(type.word);
  if (type.kind === 'name')
    return type.args.length > 0 ? `${type.name}<${type.args.map(printType)}>` : type.name;
  if (type.kind === 'any-of') return type.parts.map(printType).sort().join(' | ');
  const fields = [...type.fields].map(
    ([name, field]) => `${name}${field.isOptional ? '?' : ''}: ${printType(field.type)}`,
  );
  return `{ ${fields.sort().join('; ')} }`;
}
