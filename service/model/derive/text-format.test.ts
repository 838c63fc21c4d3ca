import { describe, expect, it } from 'vitest';
import { parseTextFormat, type TextMessage } from './text-format.js';

/** As plain objects, for comparison. */
function plain(message: TextMessage | undefined): unknown {
  if (message === undefined) return undefined;
  const values = ([name, all]: [string, readonly unknown[]]) => [
    name,
    all.map((value) => (value instanceof Map ? plain(value) : value)),
  ];
  return Object.fromEntries([...message].map((entry) => values(entry as [string, unknown[]])));
}

describe('parseTextFormat', () => {
  it('reads fields, messages, lists, comments and texts', () => {
    const text = `
      # a comment
      name: "resnet" 'e50' platform: 'onnxruntime_onnx'; max_batch_size: 8,
      input [ { name: "data" dims: [ 3, 224, -1 ] }, { name: "other\\"\\n" } ]
      output { dims: 1 dims: 2 label_filename: "labels.txt" }
      kind: constructor
      version_policy: { specific { versions: [1, 3] } } backend: < x: 1 >
    `;
    expect(plain(parseTextFormat(text))).toEqual({
      name: ['resnete50'],
      platform: ['onnxruntime_onnx'],
      max_batch_size: ['8'],
      input: [{ name: ['data'], dims: ['3', '224', '-1'] }, { name: ['other"\n'] }],
      output: [{ dims: ['1', '2'], label_filename: ['labels.txt'] }],
      kind: ['constructor'],
      version_policy: [{ specific: [{ versions: ['1', '3'] }] }],
      backend: [{ x: ['1'] }],
    });
  });

  it.each(['{', 'a', 'a:', 'a {', 'a { b: 1', 'a: [1', 'a: }', 'a: "open', '"a": 1', 'a: 1 }', ': 1'])(
    'refuses %j',
    (text) => {
      expect(parseTextFormat(text)).toBeUndefined();
    },
  );

  it('bounds depth and length', () => {
    expect(parseTextFormat('a {'.repeat(100_000))).toBeUndefined();
    expect(parseTextFormat('a: 1\n'.repeat(1_000_000))).toBeUndefined();
  });
});
