/** What a Python literal can be; dictionaries are maps, since their keys may be numbers. */
export type PythonValue =
  | string
  | number
  | boolean
  | null
  | readonly PythonValue[]
  | ReadonlyMap<PythonValue, PythonValue>;

const MAX_DEPTH = 20;
const NUMBER = /[+-]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?/y;
const WORD = /[A-Za-z_]\w*/y;
const SPACE = /\s*/y;
const WORDS: Readonly<Record<string, PythonValue>> = { True: true, False: false, None: null };
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  '\n': '',
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const CODE_POINT = /x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{1,3}/y;

/**
 * Reads what Python's `str()` and `repr()` write of dictionaries, lists, tuples, texts, numbers, True, False and None, as
 * `ast.literal_eval` does; nothing is ever run. Undefined where it is nothing of these, or nested too deeply.
 */
export function parsePythonLiteral(text: string): PythonValue | undefined {
  try {
    return new LiteralReader(text).whole();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

class LiteralReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): PythonValue {
    const value = this.#value(0);
    this.#match(SPACE);
    if (this.#at < this.#text.length) throw new SyntaxError('something follows');
    return value;
  }

  #value(depth: number): PythonValue {
    if (depth > MAX_DEPTH) throw new SyntaxError('too deep');
    this.#match(SPACE);
    const next = this.#text[this.#at];
    if (next === '{') return this.#dictionary(depth + 1);
    if (next === '[') return this.#list(depth + 1);
    if (next === '(') return this.#tuple(depth + 1);
    if (next === "'" || next === '"') return this.#string(next);
    const number = this.#match(NUMBER);
    if (number !== '') return Number(number.replaceAll('_', ''));
    return this.#word();
  }

  #word(): PythonValue {
    const word = this.#match(WORD);
    const value = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
    if (value === undefined) throw new SyntaxError('no literal');
    return value;
  }

  #dictionary(depth: number): ReadonlyMap<PythonValue, PythonValue> {
    const entries = new Map<PythonValue, PythonValue>();
    this.#sequence('}', () => {
      const key = this.#value(depth);
      if (!this.#take(':')) throw new SyntaxError('a key without a value');
      entries.set(key, this.#value(depth));
    });
    return entries;
  }

  /** In brackets, one value is that value unless a comma follows it. */
  #tuple(depth: number): PythonValue {
    const values: PythonValue[] = [];
    const endsInComma = this.#sequence(')', () => values.push(this.#value(depth)));
    const [only] = values;
    return values.length === 1 && only !== undefined && !endsInComma ? only : values;
  }

  #list(depth: number): readonly PythonValue[] {
    const values: PythonValue[] = [];
    this.#sequence(']', () => values.push(this.#value(depth)));
    return values;
  }

  /** Whether a comma follows the last one. */
  #sequence(end: string, item: () => void): boolean {
    let endsInComma = false;
    this.#at += 1;
    while (!this.#take(end)) {
      item();
      endsInComma = this.#take(',');
      if (endsInComma) continue;
      if (!this.#take(end)) throw new SyntaxError('neither a comma nor the end');
      return false;
    }
    return endsInComma;
  }

  #string(quote: string): string {
    this.#at += 1;
    let value = '';
    for (;;) {
      const character = this.#text[this.#at++];
      if (character === undefined || character === '\n') throw new SyntaxError('a text without an end');
      if (character === quote) return value;
      value += character === '\\' ? this.#escape() : character;
    }
  }

  #escape(): string {
    const code = this.#match(CODE_POINT);
    if (code !== '') {
      const digits = /^[xuU]/.test(code) ? Number.parseInt(code.slice(1), 16) : Number.parseInt(code, 8);
      if (digits > 0x10ffff) throw new SyntaxError('no character');
      return String.fromCodePoint(digits);
    }
    const character = this.#text[this.#at++] ?? '';
    return ESCAPES[character] ?? `\\${character}`;
  }

  #take(character: string): boolean {
    this.#match(SPACE);
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }
}
