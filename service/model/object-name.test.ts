import { describe, expect, it } from 'vitest';
import { checkObjectName } from './object-name.js';

describe('checkObjectName', () => {
  it.each(['model.onnx', 'onnx/model.onnx', 'golden/a b.png', '..model.onnx', 'a..b', 'é.png'])(
    'lets %j pass',
    (name) => {
      expect(() => checkObjectName(name, 'model.json')).not.toThrow();
    },
  );

  it.each([
    '',
    '.',
    '..',
    '../model.onnx',
    'a/../../b',
    'a/..',
    '/etc/passwd',
    'a//b',
    'a/',
    './a',
    '..\\a',
    'a\\b',
    'C:a',
    'a\u0000.onnx',
    'a\nb',
  ])('rejects %j with MODEL_INCOMPATIBLE', (name) => {
    expect(() => checkObjectName(name, 'model.json')).toThrow(
      expect.objectContaining({ code: 'MODEL_INCOMPATIBLE' }),
    );
  });
});
