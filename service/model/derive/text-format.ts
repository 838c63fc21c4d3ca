/** A message of protobuf's text format: the values of each field, in order, as often as it is given. */
export type TextMessage = ReadonlyMap<string, readonly TextValue[]>;
export type TextValue = string | TextMessage;

const MAX_CHARACTERS = 1024 * 1024;
const MAX_DEPTH = 30;
const TOKEN = /\s+|#[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[{}<>[\]:,;]|[^\s#"'{}<>[\]:,;]+/y;

/**
 * Reads protobuf's text format without knowing its messages, as Triton's config.pbtxt has it; numbers and names stay texts.
 * Undefined where it is none. Source: protobuf.dev, "Text Format Language Specification".
 */
export function parseTextFormat(text: string): TextMessage | undefined {
  if (text.length > MAX_CHARACTERS) return undefined;
  try {
    const reader = new TextReader(text);
    return reader.message(undefined, 0);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const CLOSED_BY: ReadonlyMap<string, string> = new Map([
  ['{', '}'],
  ['<', '>'],
]);

class TextReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** @param end what closes it; undefined: the text's end does */
  message(end: string | undefined, depth: number): TextMessage {
    if (depth > MAX_DEPTH) throw new SyntaxError('too deep');
    const fields = new Map<string, TextValue[]>();
    for (let name = this.#next(); name !== end; name = this.#next()) {
      if (name === ',' || name === ';') continue;
      if (name === undefined || !/^[\w.]+$/.test(name)) throw new SyntaxError('no name of a field');
      const values = fields.get(name) ?? [];
      fields.set(name, values);
      this.#values(values, depth);
    }
    return fields;
  }

  /** After the name: `: value`, `{ message }`, or either in a list. */
  #values(into: TextValue[], depth: number): void {
    const mark = this.#next();
    const first = mark === ':' ? this.#next() : mark;
    if (first !== '[') return void into.push(this.#value(first, depth));
    for (let token = this.#next(); token !== ']'; token = this.#next()) {
      if (token !== ',') into.push(this.#value(token, depth));
    }
  }

  #value(token: string | undefined, depth: number): TextValue {
    if (token === undefined) throw new SyntaxError('a field without a value');
    const end = CLOSED_BY.get(token);
    if (end !== undefined) return this.message(end, depth + 1);
    if (/^["']/.test(token)) return this.#join(token);
    if (/^[[\]{}<>:,;]$/.test(token)) throw new SyntaxError('a field without a value');
    return token;
  }

  /** Texts that follow each other are one. */
  #join(first: string): string {
    let value = unescaped(first);
    for (;;) {
      const before = this.#at;
      const next = this.#next();
      if (next === undefined || !/^["']/.test(next)) {
        this.#at = before;
        return value;
      }
      value += unescaped(next);
    }
  }

  /** The next token that means something; undefined at the end. */
  #next(): string | undefined {
    while (this.#at < this.#text.length) {
      TOKEN.lastIndex = this.#at;
      const token = TOKEN.exec(this.#text)?.[0];
      if (token === undefined) throw new SyntaxError('no token');
      this.#at += token.length;
      if (!/^[\s#]/.test(token)) return token;
    }
    return undefined;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

function unescaped(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(.)/gs, (_, character: string) => ESCAPES[character] ?? character);
}
