import { describe, expect, it } from 'vitest';
import { parseHubAddress } from './hub-address.js';

const address = (repository: string, revision: string, folder: string, entry?: string) => ({
  repository,
  revision,
  folder,
  entry,
});

describe('parseHubAddress', () => {
  it.each([
    ['hf://acme/digits', address('acme/digits', 'main', '')],
    ['hf://acme/digits/', address('acme/digits', 'main', '')],
    ['HF://Acme/Digits_2.0-x', address('Acme/Digits_2.0-x', 'main', '')],
    ['hf://acme/digits@v1.0', address('acme/digits', 'v1.0', '')],
    ['hf://acme/digits@v1.0/onnx', address('acme/digits', 'v1.0', 'onnx/')],
    ['hf://acme/digits/onnx/', address('acme/digits', 'main', 'onnx/')],
    ['hf://acme/digits/onnx/model.onnx', address('acme/digits', 'main', 'onnx/', 'model.onnx')],
    ['hf://acme/digits@main/model.json', address('acme/digits', 'main', '', 'model.json')],
    ['hf://acme/digits/file@1 #2?.onnx', address('acme/digits', 'main', '', 'file@1 #2?.onnx')],
    ['hf://acme/digits@refs/pr/12/onnx', address('acme/digits', 'refs/pr/12', 'onnx/')],
    ['hf://acme/digits@refs/convert/onnx', address('acme/digits', 'refs/convert/onnx', '')],
    ['hf://acme/digits@refs%2Fpr%2F12', address('acme/digits', 'refs/pr/12', '')],
    ['hf://acme/digits@feature%2Fsmall/a', address('acme/digits', 'feature/small', 'a/')],
  ])('reads %s', (uri, expected) => {
    expect(parseHubAddress(uri)).toEqual(expected);
  });

  it.each([
    'hf://',
    'hf:/acme/digits',
    'hf://acme',
    'hf://acme/',
    'hf:///digits',
    'hf://acme@main',
    'hf://ac me/digits',
    'hf://../digits',
    'hf://acme/..',
    'hf://acme/a..b',
    'hf://acme/digits@',
    'hf://acme/digits@/model.onnx',
    'hf://acme/digits@..',
    'hf://acme/digits@.',
    'hf://acme/digits@%2e%2e',
    'hf://acme/digits@a%2f..%2fb',
    'hf://acme/digits@%zz',
    'hf://acme/digits@a b',
    'hf://acme/digits@main/../x.onnx',
    'hf://acme/digits@main/./x.onnx',
    'hf://acme/digits//x.onnx',
    'hf://acme/digits/a//x.onnx',
    'hf://acme/digits/..',
    'hf://acme/digits/%2e%2e/x.onnx',
    'hf://acme/digits/a%2Fx.onnx',
    'hf://acme/digits/a%5cx.onnx',
    'hf://acme/digits/a\\x.onnx',
    'hf://acme/digits/a\nx.onnx',
    'hf://user:secret@acme/digits',
  ])('throws CONFIG_INVALID for %j', (uri) => {
    expect(() => parseHubAddress(uri)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
