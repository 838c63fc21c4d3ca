import { ServiceError } from '../../errors.js';

/** Takes the text of one string of a document, in pieces, its escapes resolved. */
export interface TextSink {
  /** @param bytes UTF-8; not to be kept: they belong to the piece of the body that is just being read */
  write(bytes: Uint8Array): void;
  end(): void;
}

export type JsonKind = 'string' | 'array' | 'object' | 'other';

/** What somebody wants of a document. Whatever else is in it is checked and forgotten, byte by byte. */
export interface JsonListener {
  /** A member of the outermost object. Returns whether its value is wanted. */
  onMember(name: string): boolean;
  /** A wanted value begins, or an element of a wanted array. What it returns takes the text of a string. */
  onValue(kind: JsonKind): TextSink | undefined;
}

/** Nothing that people send is nested more deeply, or has more members or values in all its objects and arrays together. */
const MAX_DEPTH = 64;
const MAX_MEMBERS = 1000;
const MAX_VALUES = 100_000;
/** Names that are longer are nobody's: they are cut here. */
const MAX_NAME_BYTES = 64;

/** What may come next where no token is under way. */
enum Expect {
  Value,
  ValueOrEnd,
  NameOrEnd,
  Name,
  Colon,
  CommaOrEnd,
  Nothing,
}

/** What is under way. */
enum Token {
  None,
  Text,
  Escape,
  Unicode,
  Word,
  Number,
}

/** Where a number stands: what may follow depends on it. */
enum Digits {
  Sign,
  Zero,
  Whole,
  Point,
  Fraction,
  Exponent,
  ExponentSign,
  ExponentDigits,
}

const COMPLETE_NUMBERS: ReadonlySet<Digits> = new Set([
  Digits.Zero,
  Digits.Whole,
  Digits.Fraction,
  Digits.ExponentDigits,
]);

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const LOWER_U = 0x75;
const ZERO = 0x30;

const WORDS: ReadonlyMap<number, string> = new Map(
  ['true', 'false', 'null'].map((word) => [word.charCodeAt(0), word]),
);
/** What a letter after the backslash means; 0 where it means nothing. */
const ESCAPES = new Uint8Array(256);
for (const [index, letter] of [...'"\\/bfnrt'].entries())
  ESCAPES[letter.charCodeAt(0)] = '"\\/\b\f\n\r\t'.charCodeAt(index);
/** Texts full of escapes are put together from pieces as small as one byte: in this much memory, before they are handed on. */
const GATHERED_BYTES = 4096;
/** From here on a piece is handed on as it is. */
const LONG_BYTES = 64;
/** Stands for every character beyond ASCII that comes escaped: it is in no base64 and in no name of ours. */
const NOT_ASCII = 0xff;

/**
 * Walks through a JSON document (RFC 8259) as its bytes arrive, in memory that does not grow with it: one state, and one
 * bit for each level. Takes exactly what JSON.parse takes, within MAX_DEPTH, MAX_MEMBERS and MAX_VALUES.
 * Every method throws REQUEST_INVALID where the document is not JSON, and passes on what the listener throws.
 */
export class JsonWalker {
  readonly #listener: JsonListener;
  /** Of each level: whether it is an object. */
  readonly #isObject = new Uint8Array(MAX_DEPTH);
  readonly #gathered = new Uint8Array(GATHERED_BYTES);
  #gatheredBytes = 0;
  #depth = 0;
  #expect = Expect.Value;
  #token = Token.None;
  #members = 0;
  #values = 0;
  #offset = 0;
  /** The value of the member that is being read is wanted. */
  #isWanted = false;
  #isName = false;
  #name = '';
  #sink: TextSink | undefined;
  #word = '';
  #wordAt = 0;
  #digits = Digits.Sign;
  #unicode = 0;
  #unicodeDigits = 0;

  constructor(listener: JsonListener) {
    this.#listener = listener;
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at = this.#step(bytes, at);
    this.#offset += bytes.length;
  }

  /** The document is complete. */
  end(): void {
    if (this.#token === Token.Number) this.#endNumber();
    if (this.#expect !== Expect.Nothing || this.#token !== Token.None) throw notJson('it ends too early');
  }

  /** @returns where to go on */
  #step(bytes: Uint8Array, at: number): number {
    const byte = bytes[at] ?? 0;
    switch (this.#token) {
      case Token.Text:
        return this.#text(bytes, at);
      case Token.Escape:
        return this.#escape(byte, at);
      case Token.Unicode:
        return this.#hexDigit(byte, at);
      case Token.Word:
        return this.#wordLetter(byte, at);
      case Token.Number:
        if (this.#numberTakes(byte)) return at + 1;
        this.#endNumber();
        return at;
      default:
        if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) this.#start(byte, at);
        return at + 1;
    }
  }

  #start(byte: number, at: number): void {
    const expect = this.#expect;
    if (expect === Expect.ValueOrEnd && byte === CLOSE_ARRAY) this.#close();
    else if (expect === Expect.NameOrEnd && byte === CLOSE_OBJECT) this.#close();
    else if (expect === Expect.Value || expect === Expect.ValueOrEnd) this.#value(byte, at);
    else if (expect === Expect.Name || expect === Expect.NameOrEnd) this.#startName(byte, at);
    else if (expect === Expect.Colon && byte === COLON) this.#expect = Expect.Value;
    else if (expect === Expect.CommaOrEnd) this.#commaOrEnd(byte, at);
    else throw this.#unexpected(at);
  }

  #commaOrEnd(byte: number, at: number): void {
    const inObject = this.#isObject[this.#depth - 1] === 1;
    if (byte === COMMA) this.#expect = inObject ? Expect.Name : Expect.Value;
    else if (byte === (inObject ? CLOSE_OBJECT : CLOSE_ARRAY)) this.#close();
    else throw this.#unexpected(at);
  }

  #value(byte: number, at: number): void {
    this.#values += 1;
    if (this.#values > MAX_VALUES) throw notJson(`it has more than ${MAX_VALUES} values`);
    if (byte === QUOTE) this.#startText(this.#tell('string'));
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#open(byte === OPEN_OBJECT);
    else if (byte === MINUS || isDigit(byte)) this.#startNumber(byte);
    else this.#startWord(byte, at);
  }

  /** Tells the listener of a value that it wants: that of a member, or an element of that. */
  #tell(kind: JsonKind): TextSink | undefined {
    const isElement = this.#depth === 2 && this.#isObject[1] === 0;
    if (!this.#isWanted || (this.#depth !== 1 && !isElement)) return undefined;
    return this.#listener.onValue(kind);
  }

  #open(isObject: boolean): void {
    this.#tell(isObject ? 'object' : 'array');
    if (this.#depth === MAX_DEPTH) throw notJson(`it is nested more than ${MAX_DEPTH} levels deep`);
    this.#isObject[this.#depth] = isObject ? 1 : 0;
    this.#depth += 1;
    this.#expect = isObject ? Expect.NameOrEnd : Expect.ValueOrEnd;
  }

  #close(): void {
    this.#depth -= 1;
    this.#valueEnds();
  }

  #valueEnds(): void {
    this.#token = Token.None;
    this.#expect = this.#depth === 0 ? Expect.Nothing : Expect.CommaOrEnd;
    if (this.#depth === 1) this.#isWanted = false;
  }

  #startName(byte: number, at: number): void {
    if (byte !== QUOTE) throw this.#unexpected(at);
    this.#members += 1;
    if (this.#members > MAX_MEMBERS) throw notJson(`it has more than ${MAX_MEMBERS} members`);
    this.#isName = true;
    this.#name = '';
    this.#startText(undefined);
  }

  #startText(sink: TextSink | undefined): void {
    this.#token = Token.Text;
    this.#sink = sink;
  }

  /** As much of a string as there is, up to its end or an escape that is not plain. */
  #text(bytes: Uint8Array, start: number): number {
    let from = start;
    let at = start;
    for (; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (byte < 0x20) throw this.#unexpected(at);
      if (byte === QUOTE) break;
      if (byte !== BACKSLASH) continue;
      const meant = ESCAPES[bytes[at + 1] ?? 0] ?? 0;
      if (meant === 0) break;
      this.#take(bytes, from, at);
      this.#takeCharacter(meant);
      at += 1;
      from = at + 1;
    }
    this.#take(bytes, from, at);
    if (at >= bytes.length) return at;
    if (bytes[at] === BACKSLASH) this.#token = Token.Escape;
    else this.#endText();
    return at + 1;
  }

  #take(bytes: Uint8Array, from: number, to: number): void {
    if (to - from >= LONG_BYTES) {
      this.#handOn();
      this.#give(bytes.subarray(from, to));
    } else {
      for (let at = from; at < to; at++) this.#takeCharacter(bytes[at] ?? 0);
    }
  }

  #takeCharacter(character: number): void {
    if (this.#gatheredBytes === GATHERED_BYTES) this.#handOn();
    this.#gathered[this.#gatheredBytes++] = character;
  }

  #handOn(): void {
    if (this.#gatheredBytes > 0) this.#give(this.#gathered.subarray(0, this.#gatheredBytes));
    this.#gatheredBytes = 0;
  }

  #give(text: Uint8Array): void {
    this.#sink?.write(text);
    if (!this.#isName || this.#depth !== 1) return;
    const room = MAX_NAME_BYTES - this.#name.length;
    if (room > 0) this.#name += Buffer.from(text.subarray(0, room)).toString('latin1');
  }

  #endText(): void {
    this.#handOn();
    if (this.#isName) {
      this.#isName = false;
      this.#token = Token.None;
      this.#expect = Expect.Colon;
      if (this.#depth === 1) this.#isWanted = this.#listener.onMember(this.#name);
      return;
    }
    this.#sink?.end();
    this.#valueEnds();
  }

  #escape(byte: number, at: number): number {
    if (byte === LOWER_U) {
      this.#token = Token.Unicode;
      this.#unicode = 0;
      this.#unicodeDigits = 0;
      return at + 1;
    }
    const meant = ESCAPES[byte] ?? 0;
    if (meant === 0) throw this.#unexpected(at);
    return this.#endEscape(meant, at);
  }

  #hexDigit(byte: number, at: number): number {
    const value = hexValue(byte);
    if (value < 0) throw this.#unexpected(at);
    this.#unicode = this.#unicode * 16 + value;
    this.#unicodeDigits += 1;
    if (this.#unicodeDigits < 4) return at + 1;
    return this.#endEscape(this.#unicode < 0x80 ? this.#unicode : NOT_ASCII, at);
  }

  #endEscape(character: number, at: number): number {
    this.#takeCharacter(character);
    this.#token = Token.Text;
    return at + 1;
  }

  #startWord(byte: number, at: number): void {
    const word = WORDS.get(byte);
    if (word === undefined) throw this.#unexpected(at);
    this.#tell('other');
    this.#token = Token.Word;
    this.#word = word;
    this.#wordAt = 1;
  }

  #wordLetter(byte: number, at: number): number {
    if (byte !== this.#word.charCodeAt(this.#wordAt)) throw this.#unexpected(at);
    this.#wordAt += 1;
    if (this.#wordAt === this.#word.length) this.#valueEnds();
    return at + 1;
  }

  #startNumber(byte: number): void {
    this.#tell('other');
    this.#token = Token.Number;
    this.#digits = Digits.Sign;
    if (byte !== MINUS) this.#numberTakes(byte);
  }

  /** Whether the number goes on with this byte. */
  #numberTakes(byte: number): boolean {
    const next = nextDigits(this.#digits, byte);
    if (next === undefined) return false;
    this.#digits = next;
    return true;
  }

  #endNumber(): void {
    if (!COMPLETE_NUMBERS.has(this.#digits)) throw notJson('a number is incomplete');
    this.#valueEnds();
  }

  #unexpected(at: number): ServiceError {
    return notJson(`the byte at offset ${this.#offset + at} is not expected there`);
  }
}

/** The grammar of a number, or undefined where it cannot go on so. */
function nextDigits(state: Digits, byte: number): Digits | undefined {
  if (isDigit(byte)) return afterDigit(state, byte);
  const isExponent = byte === 0x65 || byte === 0x45;
  const isWhole = state === Digits.Zero || state === Digits.Whole;
  if (byte === POINT && isWhole) return Digits.Point;
  if (isExponent && (isWhole || state === Digits.Fraction)) return Digits.Exponent;
  if ((byte === PLUS || byte === MINUS) && state === Digits.Exponent) return Digits.ExponentSign;
  return undefined;
}

function afterDigit(state: Digits, byte: number): Digits | undefined {
  if (state === Digits.Sign) return byte === ZERO ? Digits.Zero : Digits.Whole;
  if (state === Digits.Zero) return undefined;
  if (state === Digits.Whole) return Digits.Whole;
  return state === Digits.Point || state === Digits.Fraction ? Digits.Fraction : Digits.ExponentDigits;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}

function hexValue(byte: number): number {
  if (isDigit(byte)) return byte - ZERO;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

function notJson(what: string): ServiceError {
  return new ServiceError('REQUEST_INVALID', `The body is not JSON: ${what}.`);
}
