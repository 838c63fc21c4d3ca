import { type Attack, inTurn, repeat, Tally } from './attack.js';
import { exchange } from './exchange.js';

const CLIENTS = 4;
const TYPE = 'multipart/form-data; boundary=edge';
const MB = 1_000_000;

interface Form {
  readonly name: string;
  readonly body: () => Buffer;
  readonly type?: string;
}

function part(headers: string, body: string): string {
  return `--edge\r\n${headers}\r\n\r\n${body}\r\n`;
}

function file(name: string, body = 'x'): string {
  return part(`content-disposition: form-data; name="${name}"; filename="f"`, body);
}

function field(name: string, body = 'x'): string {
  return part(`content-disposition: form-data; name="${name}"`, body);
}

const form =
  (...parts: readonly string[]) =>
  (): Buffer =>
    Buffer.from(`${parts.join('')}--edge--\r\n`);

/** Forms that are expensive to read, or that are not quite forms. */
export const FORMS: readonly Form[] = [
  { name: 'thousands of fields', body: form(field('a').repeat(50_000)) },
  { name: 'thousands of files', body: form(file('files').repeat(50_000)) },
  { name: 'thousands of empty files', body: form(file('files', '').repeat(30)) },
  { name: 'a preamble without end', body: () => Buffer.alloc(10 * MB, 'x\r\n') },
  { name: 'a preamble of almost boundaries', body: () => Buffer.alloc(10 * MB, '\r\n--edg') },
  { name: 'a part whose body is almost boundaries', body: form(file('file', '\r\n--edg'.repeat(1_300_000))) },
  { name: 'a head of 5 MB', body: form(part(`x-long: ${'a'.repeat(5 * MB)}`, 'x')) },
  { name: 'a thousand headers', body: form(part('x: y\r\n'.repeat(100_000).trimEnd(), 'x')) },
  {
    name: 'a file name of 1 MB',
    body: form(part(`content-disposition: form-data; name="file"; filename="${'é'.repeat(MB / 2)}"`, 'x')),
  },
  { name: 'names of objects', body: form(file('__proto__'), field('constructor'), field('toString')) },
  {
    name: 'a form in the form',
    body: form(
      part(
        'content-disposition: form-data; name="file"\r\ncontent-type: multipart/mixed; boundary=in',
        '--in\r\n\r\nx\r\n--in--'.repeat(10_000),
      ),
    ),
  },
  { name: 'no end', body: () => Buffer.from(file('file', 'x'.repeat(100_000)).slice(0, -10)) },
  {
    name: 'line feeds alone',
    body: () => Buffer.from(`${file('file')}--edge--\r\n`.replaceAll('\r\n', '\n')),
  },
  { name: 'nothing', body: () => Buffer.from('--edge--\r\n') },
  { name: 'no boundary', body: form(file('file')), type: 'multipart/form-data' },
  {
    name: 'a boundary of 10 KB',
    body: form(file('file')),
    type: `multipart/form-data; boundary=${'b'.repeat(10_000)}`,
  },
  { name: 'another boundary', body: form(file('file')), type: 'multipart/form-data; boundary=other' },
  {
    name: 'quoted-printable',
    body: form(
      part(
        'content-disposition: form-data; name="file"; filename="f"\r\ncontent-transfer-encoding: base64',
        'AAAA',
      ),
    ),
  },
];

export const multipartOddities: Attack = {
  name: 'multipart-oddities',
  what: 'forms of thousands of parts, huge heads, preambles without end, forms in forms',
  async run(target, signal) {
    const tally = new Tally();
    await repeat(CLIENTS, signal, async (client, round) => {
      const { body, type = TYPE } = inTurn(FORMS, client, round);
      const path = Math.floor(round / FORMS.length) % 2 === 0 ? '/predict' : '/predict/batch';
      const given = { path, headers: { 'content-type': type }, body: body() };
      tally.add(await exchange(target, given, signal));
    });
    return tally;
  },
};
