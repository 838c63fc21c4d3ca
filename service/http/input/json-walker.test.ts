import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JsonKind, JsonWalker } from './json-walker.js';

interface Seen {
  readonly members: string[];
  readonly values: JsonKind[];
  readonly texts: string[];
}

/** Walks through a document, cut into pieces of so many bytes, with an interest in the member `wanted`. */
function walk(document: string | Uint8Array, pieceBytes = 7): Seen {
  const bytes = Buffer.from(document as string);
  const seen: Seen = { members: [], values: [], texts: [] };
  const walker = new JsonWalker({
    onMember: (name) => {
      seen.members.push(name);
      return name === 'wanted';
    },
    onValue: (kind) => {
      seen.values.push(kind);
      const pieces: Buffer[] = [];
      return {
        write: (piece) => void pieces.push(Buffer.from(piece)),
        end: () => void seen.texts.push(Buffer.concat(pieces).toString('utf8')),
      };
    },
  });
  for (let at = 0; at < bytes.length; at += pieceBytes) walker.write(bytes.subarray(at, at + pieceBytes));
  walker.end();
  return seen;
}

function takes(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

describe('a walk through JSON', () => {
  it('tells of the outermost members, and of the wanted value and its elements', () => {
    const document = '{"a": {"wanted": 1}, "wanted": ["x", 2, {"wanted": [3]}, [4], null], "b": "y"}';
    expect(walk(document)).toEqual({
      members: ['a', 'wanted', 'b'],
      values: ['array', 'string', 'other', 'object', 'array', 'other'],
      texts: ['x'],
    });
  });

  it('resolves escapes in texts and names', () => {
    expect(walk('{"w\\u0061nted": "a\\/b\\u002bc\\n\\"\\\\"}').texts).toEqual(['a/b+c\n"\\']);
  });

  it('takes what JSON.parse takes, however it is cut, and nothing else', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      'u00',
      'true',
      'null',
      '-',
      '1',
      '0',
      '.',
      'e',
      ' ',
    ];
    const soup = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((list) => list.join(''));
    const honest = fc.json({ maxDepth: 5 });
    const broken = fc.tuple(honest, fc.nat(), fc.constantFrom(...pieces)).map(([text, at, piece]) => {
      const cut = at % (text.length + 1);
      return text.slice(0, cut) + piece + text.slice(cut + (at % 2));
    });
    fc.assert(
      fc.property(fc.oneof(soup, honest, broken), fc.integer({ min: 1, max: 9 }), (text, pieceBytes) => {
        expect(takes(() => walk(text, pieceBytes))).toBe(takes(() => JSON.parse(text)));
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    '01',
    '1.',
    '.5',
    '-',
    '+1',
    '1e',
    '1e+',
    '1.e5',
    'nul',
    'True',
    '"\t"',
    '"\\x"',
    '"\\u12g4"',
    '',
  ])('refuses %s as JSON.parse does', (text) => {
    expect(() => walk(text)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
    expect(takes(() => JSON.parse(text))).toBe(false);
  });

  it('has a limit on depth, on members and on values', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(takes(() => walk(nested(64)))).toBe(true);
    expect(takes(() => walk(nested(65)))).toBe(false);
    const members = (count: number): string =>
      `{${Array.from({ length: count }, (_, index) => `"${index}": {}`).join(',')}}`;
    expect(takes(() => walk(members(1000)))).toBe(true);
    expect(takes(() => walk(members(1001)))).toBe(false);
    const values = (count: number): string => `[${'0,'.repeat(count - 2)}0]`;
    expect(takes(() => walk(values(100_000)))).toBe(true);
    expect(takes(() => walk(values(100_001)))).toBe(false);
  });
});
