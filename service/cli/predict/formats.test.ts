import fc from 'fast-check';
import Type from 'typebox';
import { describe, expect, it } from 'vitest';
import { formatFor } from './formats.js';
import type { AnswerRecord } from './record.js';

const Boxes = Type.Object({
  predictions: Type.Array(
    Type.Object({
      label: Type.String(),
      score: Type.Number(),
      box: Type.Object({ x_min: Type.Number(), x_max: Type.Number() }),
      points: Type.Optional(Type.Array(Type.Object({ x: Type.Number() }))),
    }),
  ),
  mask: Type.Object({ png: Type.String() }),
});
const RUN = {
  model: { name: 'boxes', version: '1.0.0', digest: 'sha256:ab' },
  task: 'detection',
  parameters: {},
};
const IMAGE = { width: 4, height: 3, format: 'png' } as const;
const csv = formatFor('a.CSV', Boxes);
const jsonLines = formatFor('a.jsonl', Boxes);

function answered(file: string, labels: readonly string[]): AnswerRecord {
  const predictions = labels.map((label) => ({
    label,
    score: 0.5,
    box: { x_min: -1.5, x_max: 2 },
    points: [{ x: 1 }],
  }));
  return { ...RUN, file, image: IMAGE, answer: { predictions, mask: { png: 'iVBO' } } };
}

const FAILED: AnswerRecord = {
  ...RUN,
  file: 'b.png',
  error: {
    code: 'IMAGE_UNDECODABLE',
    status: 422,
    title: 'Unprocessable Entity',
    detail: 'It is "torn", and wet.',
  },
};

describe('JSON lines', () => {
  it('have the file, the model and what a batch would say of the image', () => {
    const line = JSON.parse(jsonLines.encode(answered('a.png', ['cat'])));
    expect(line).toEqual({
      file: 'a.png',
      model: RUN.model,
      task: 'detection',
      image: IMAGE,
      ...answered('', ['cat']).answer,
    });
    expect(JSON.parse(jsonLines.encode(FAILED))).toMatchObject({ file: 'b.png', error: FAILED.error });
  });
});

describe('CSV', () => {
  it('has a row for each prediction, with what belongs to all of them in the first', () => {
    expect(csv.header).toBe(
      'file,row,rows,model,version,digest,parameters,error,detail,width,height,format,' +
        'mask.png,label,score,box.x_min,box.x_max,points\n',
    );
    expect(csv.encode(answered('a.png', ['cat', 'a "big", dog']))).toBe(
      'a.png,1,2,boxes,1.0.0,sha256:ab,,,,4,3,png,iVBO,cat,0.5,-1.5,2,"[{""x"":1}]"\n' +
        'a.png,2,2,boxes,1.0.0,sha256:ab,,,,4,3,png,,"a ""big"", dog",0.5,-1.5,2,"[{""x"":1}]"\n',
    );
  });

  it('has a row for an image without predictions, and for one that failed', () => {
    expect(csv.encode(answered('a.png', []))).toBe('a.png,0,0,boxes,1.0.0,sha256:ab,,,,4,3,png,iVBO,,,,,\n');
    expect(csv.encode(FAILED)).toBe(
      'b.png,0,0,boxes,1.0.0,sha256:ab,,IMAGE_UNDECODABLE,"It is ""torn"", and wet.",,,,,,,,,\n',
    );
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx'])(
    'has no cell that a spreadsheet takes for a formula, whatever files and labels are called: %j',
    (text) => {
      const line = csv.encode(answered(text, [text]));
      const cells = line.split(',').map((cell) => cell.replace(/^"/, ''));
      expect(cells.filter((cell) => /^[=+@\t\r]/.test(cell))).toEqual([]);
      expect(cells[0]?.startsWith('./')).toBe(true);
      expect(csv.decode(line.trimEnd())?.file).toBe(text);
    },
  );
});

describe.each([
  ['CSV', csv],
  ['JSON lines', jsonLines],
])('%s', (_, format) => {
  it('is read as it was written, whatever the file is called', () => {
    const unit = fc.constantFrom(...'ab.,;=-+@\'"\\/ \n\r\t\0ä😀\u2028\ufffd');
    const names = fc.string({ unit, minLength: 1 }).filter((name) => !name.startsWith('./'));
    fc.assert(
      fc.property(names, (file) => {
        const record = { ...answered(file, ['cat']), parameters: { threshold: 0.5, classes: ['a', '"'] } };
        expect(format.decode(format.encode(record).slice(0, -1))).toEqual({
          file,
          digest: 'sha256:ab',
          parameters: '{"classes":["a","\\""],"threshold":0.5}',
          isError: false,
          isLast: true,
        });
      }),
    );
    expect(format.decode(format.encode(FAILED).slice(0, -1))).toMatchObject({ file: 'b.png', isError: true });
  });

  it('is told from other texts', () => {
    for (const text of ['', 'hello', '{}', '[1]', '{"file":1}', 'a,b,c']) {
      expect(format.decode(text)).toBeUndefined();
    }
  });
});
