import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServiceError } from '../../errors.js';
import { type FormField, FormImages } from './form-input.js';

const LIMITS = { maxImageBytes: 1000, maxBatchImages: 4, maxBatchBytes: 3000 };

/** What comes of a form in these pieces: each file as text or its code, or the code of the form. */
async function read(
  field: FormField,
  boundary: string,
  pieces: readonly Buffer[],
): Promise<string | string[]> {
  try {
    const form = new FormImages(
      { 'content-type': `multipart/form-data; boundary=${boundary}` },
      field,
      LIMITS,
    );
    for (const piece of pieces) form.write(piece);
    const images = await form.end();
    return images.map((image) => ('bytes' in image ? image.bytes.toString('latin1') : image.error.code));
  } catch (error) {
    return (error as ServiceError).code;
  }
}

function file(field: string, text: string): string {
  return `--b\r\nContent-Disposition: form-data; name="${field}"; filename="x"\r\n\r\n${text}\r\n`;
}

function cut(text: string, cuts: readonly number[]): Buffer[] {
  const whole = Buffer.from(text, 'latin1');
  const places = [0, ...cuts.map((place) => place % (whole.length + 1)).sort((a, b) => a - b), whole.length];
  return places.slice(1).map((end, index) => whole.subarray(places[index], end));
}

describe('the images of a form', () => {
  it('are the same wherever its pieces end', async () => {
    const form = [
      file('files', 'one\r\n--'),
      file('other', 'x'),
      file('files', ''),
      file('files', 'y'.repeat(1001)),
      file('files', '-b--b'),
      '--b--\r\n',
    ].join('');
    const cuts = fc.array(fc.nat(2000), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(cuts, async (places) => {
        const found = await read('files', 'b', cut(form, places));
        expect(found).toEqual(['one\r\n--', 'IMAGE_MISSING', 'IMAGE_TOO_LARGE', '-b--b']);
      }),
    );
  });

  it.each<[string, FormField, string, string]>([
    ['there are none', 'file', '--b--\r\n', 'IMAGE_MISSING'],
    ['the form is empty', 'file', '', 'IMAGE_MISSING'],
    ['there is one more than may be', 'file', `${file('file', 'x').repeat(2)}--b--`, 'REQUEST_INVALID'],
    [
      'there are more than a batch may have',
      'files',
      `${file('files', 'x').repeat(5)}--b--`,
      'BATCH_TOO_LARGE',
    ],
    [
      'they are too large together',
      'files',
      `${file('files', 'x'.repeat(999)).repeat(4)}--b--`,
      'BATCH_TOO_LARGE',
    ],
    ['the form ends in a file', 'file', file('file', 'x').slice(0, -2), 'REQUEST_INVALID'],
    ['the form ends in a head', 'file', '--b\r\ncontent-dis', 'REQUEST_INVALID'],
    [
      'it has too many fields',
      'file',
      `${file('f', '').replace('; filename="x"', '').repeat(21)}--b--`,
      'REQUEST_INVALID',
    ],
    ['it has too many parts', 'files', '--b\r\n\r\n\r\n'.repeat(25), 'REQUEST_INVALID'],
  ])('are not to be had where %s', async (_, field, form, code) => {
    expect(await read(field, 'b', cut(form, []))).toBe(code);
    expect(
      await read(
        field,
        'b',
        cut(
          form,
          [...form].map((_, place) => place),
        ),
      ),
    ).toBe(code);
  });

  it('are found or refused whatever is done to the form', async () => {
    const form = [file('file', 'one'), file('other', 'x'), file('file', ''), '--b--\r\n'].join('');
    const tokens = [
      '--b',
      '\r\n',
      '--',
      '\n',
      'b',
      '\0',
      ': ',
      '"',
      'name="file"',
      '\r\n\r\n',
      'form-data; ',
    ];
    const change = fc.record({
      at: fc.nat(form.length),
      skip: fc.nat(30),
      put: fc.constantFrom('', ...tokens),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 3 }),
        async (changes, cuts) => {
          const changed = changes.reduce(
            (text, { at, skip, put }) => text.slice(0, at) + put + text.slice(at + skip),
            form,
          );
          const found = await read('file', 'b', cut(changed, cuts));
          if (typeof found === 'string') expect(['REQUEST_INVALID', 'IMAGE_MISSING']).toContain(found);
          else expect(found).toHaveLength(1);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('are not looked for any further once there are too many parts', () => {
    const form = new FormImages({ 'content-type': 'multipart/form-data; boundary=b' }, 'file', LIMITS);
    const piece = Buffer.from('--b\r\n'.repeat(13_000));
    const started = performance.now();
    expect(() => form.write(piece)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
    const first = performance.now() - started;
    expect(first).toBeLessThan(200);
  });

  it('cannot be had without a boundary', async () => {
    const headers = { 'content-type': 'multipart/form-data' };
    expect(() => new FormImages(headers, 'file', LIMITS)).toThrow(/Boundary not found/);
  });
});
