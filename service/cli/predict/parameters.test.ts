import Type from 'typebox';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../outcome.js';
import { parametersFrom } from './parameters.js';
import { readTyped } from './typed.js';

const Schema = Type.Object(
  {
    top_k: Type.Optional(Type.Integer({ minimum: 1 })),
    threshold: Type.Optional(Type.Number({ minimum: -1, maximum: 1 })),
    classes: Type.Optional(Type.Array(Type.Enum(['cat', 'dog']))),
    encoding: Type.Optional(Type.Enum(['float', 'base64'])),
  },
  { additionalProperties: false },
);
const parse = (...flags: string[]) =>
  parametersFrom(readTyped(['model', 'photos', ...flags]).parameters, Schema);

describe('flags of the model', () => {
  it('are those of its query, in the words of a command line', () => {
    expect(parse('--top-k', '3', '--threshold=-0.5', '--classes', 'cat', '--classes', 'dog')).toEqual({
      top_k: 3,
      threshold: -0.5,
      classes: ['cat', 'dog'],
    });
    expect(parse('--encoding', 'base64', '--top_k=2')).toEqual({ encoding: 'base64', top_k: 2 });
    expect(parse()).toEqual({});
  });

  it.each([
    [['--top-k', '0']],
    [['--top-k', '1.5']],
    [['--top-k', 'many']],
    [['--top-k', '']],
    [['--top-k']],
    [['--top-k', '1', '--top-k', '2']],
    [['--classes', 'cow']],
    [['--encoding', 'float64']],
    [['--unknown', '1']],
    [['--constructor', '1']],
    [['--__proto__', '1']],
    [['-k', '1']],
  ])('are refused where the model does not take them: %j', (flags) => {
    expect(() => parse(...flags)).toThrow(UsageError);
  });

  it('end at --, after which everything is a name', () => {
    const typed = readTyped(['model', '--out', 'a.csv', '--', '--photos', '-x']);
    expect(typed).toMatchObject({ model: 'model', images: ['--photos', '-x'], out: 'a.csv', parameters: {} });
  });
});
