import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../test/support/models.js';
import { digestOf, type HashedFile, parseDigest } from './digest.js';

const sha256 = (data: string): string => createHash('sha256').update(data).digest('hex');
const file = (name: string, content: string): HashedFile => ({
  name,
  bytes: Buffer.byteLength(content),
  hex: sha256(content),
});
const MODEL = file('model.onnx', 'graph');
const DATA = [file('b.data', 'weights'), file('ä/😀 a.data', 'more'), file('ä/\ue000 a.data', 'more')];

describe('the digest of a model', () => {
  it('is that of its file where there is one', () => {
    expect(digestOf(MODEL, [])).toBe(`sha256:${sha256('graph')}`);
  });

  it('with external data is that of a line for each file', () => {
    const lines = `${sha256('graph')} 5 model.onnx\n${sha256('weights')} 7 b.data\n`;
    expect(digestOf(MODEL, [file('b.data', 'weights')])).toBe(`sha256-files:${sha256(lines)}`);
  });

  it('does not depend on the order of the list', () => {
    expect(digestOf(MODEL, DATA)).toBe(digestOf(MODEL, [...DATA].reverse()));
  });

  it.each<[string, HashedFile, HashedFile[]]>([
    ['other boundaries', file('model.onnx', 'grap'), [file('b.data', 'hweights')]],
    ['other names', MODEL, [file('c.data', 'weights')]],
    ['another name of the ONNX file', file('net.onnx', 'graph'), [file('b.data', 'weights')]],
    ['the files in each other’s place', file('b.data', 'weights'), [MODEL]],
    ['an empty file more', MODEL, [file('b.data', 'weights'), file('c.data', '')]],
  ])('tells models with %s apart', (_, model, externalData) => {
    expect(digestOf(model, externalData)).not.toBe(digestOf(MODEL, [file('b.data', 'weights')]));
  });

  it('is what the command in docs/model-json.md says', async () => {
    const folder = await temporaryFolder();
    const contents = {
      'model.onnx': 'graph',
      'b.data': 'weights',
      'ä/😀 a.data': 'more',
      'ä/\ue000 a.data': 'more',
    };
    for (const [name, content] of Object.entries(contents)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), content);
    }
    const page = await readFile(join(import.meta.dirname, '../../docs/model-json.md'), 'utf8');
    const command = /^digest\(\) .*$/m.exec(page)?.[0] ?? 'false';
    const said = execFileSync('sh', ['-c', `${command}\ndigest "$@"`, 'sh', ...Object.keys(contents)], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(said).toBe(`${digestOf(MODEL, DATA)}\n`);
  });

  it.each([
    ['', 'sha256:'],
    ['sha256:', 'sha256:'],
    ['sha256-files:', 'sha256-files:'],
  ])('is read with %j in front', (written, kind) => {
    expect(parseDigest(` ${written}${'AB'.repeat(32)} `)).toBe(`${kind}${'ab'.repeat(32)}`);
  });

  it.each(['', `sha256-tree:${'0'.repeat(64)}`, 'sha256-files:', '0'.repeat(63)])(
    'is refused as %j',
    (text) => {
      expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    },
  );
});
