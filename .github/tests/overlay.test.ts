import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { tool } from '../../k8s/tests/support/tools.js';
import { editOverlay, IMAGE, type Promotion, runningOf } from '../scripts/overlay.js';
import { promote, readRequest } from '../scripts/promote.js';
import { emptyFolder } from './support/folder.js';
import { DIST, outputsOf, ROOT, run } from './support/run.js';
import { absent } from './support/tools.js';

const OVERLAYS = join(ROOT, 'k8s/overlays');
const read = (overlay: string): string => readFileSync(join(OVERLAYS, overlay, 'kustomization.yaml'), 'utf8');
const PROMOTED = readdirSync(OVERLAYS).filter((name) => name !== 'local');
const DIGEST = `sha256:${'4f'.repeat(32)}`;
const SHA256 = '5e'.repeat(32);
const image = { tag: '0.2.0', digest: DIGEST };
const model = { uri: 's3://models.example/digits/2.0.0', sha256: SHA256 };

/** The lines that are in one text and not in the other. */
const added = (before: string, after: string): string[] => {
  const known = before.split('\n');
  return after.split('\n').filter((line) => !known.includes(line));
};

it('edits the image that k8s/base names', () => {
  expect(readFileSync(join(ROOT, 'k8s/base/deployment.yaml'), 'utf8')).toContain(`image: ${IMAGE}:`);
});

describe.each(PROMOTED)('the overlay %s', (overlay) => {
  const before = read(overlay);
  const tag = overlay.endsWith('-gpu') ? '0.2.0-cuda' : '0.2.0';

  it('gets a new image in two lines, and keeps every other byte', () => {
    const after = promote(before, { image: { tag, digest: DIGEST } });
    const restored = after
      .replace(`\n    digest: ${DIGEST}`, '')
      .replace(`newTag: ${tag}`, `newTag: ${runningOf(before).tag}`);
    expect(restored).toBe(before);
    expect(runningOf(after)).toEqual({ ...runningOf(before), tag, digest: DIGEST });
  });

  it('gets a model, then another, and keeps every other byte', () => {
    const once = promote(before, { model });
    const other = { uri: 'https://models.example/digits/3.0.0/model.json', sha256: '6d'.repeat(32) };
    const twice = promote(once, { model: other });
    expect(runningOf(twice)).toMatchObject({ modelUri: other.uri, modelSha256: other.sha256 });
    expect(once.startsWith(before)).toBe(true);
    expect(added(once, twice)).toHaveLength(2);
    expect(promote(twice, { model })).toBe(once);
  });

  it('is the same once it has all of it', () => {
    const promotion = { image: { tag, digest: DIGEST }, model };
    const after = promote(before, promotion);
    expect(promote(after, promotion)).toBe(after);
  });
});

describe('the manner of the file is kept', () => {
  it.each<[string, string, Promotion, string]>([
    [
      'comments, beside and above',
      `# Ours.\nimages:\n  # The service.\n  - name: ${IMAGE} # always\n    newTag: 0.1.0 # released\n    newName: mine # keep\n`,
      { image },
      `# Ours.\nimages:\n  # The service.\n  - name: ${IMAGE} # always\n    newTag: 0.2.0 # released\n    digest: ${DIGEST}\n    newName: mine # keep\n`,
    ],
    [
      'a map in braces',
      `images: [{ name: other, newTag: 1 }, { name: ${IMAGE}, newTag: 0.1.0, newName: x }]\n`,
      { image },
      `images: [{ name: other, newTag: 1 }, { name: ${IMAGE}, newTag: 0.2.0, digest: ${DIGEST}, newName: x }]\n`,
    ],
    [
      'quotes, and a digest that is there',
      `images:\n- digest: 'sha256:old'\n  newTag: "0.1.0"\n  name: ${IMAGE}\n`,
      { image },
      `images:\n- digest: '${DIGEST}'\n  newTag: "0.2.0"\n  name: ${IMAGE}\n`,
    ],
    [
      'the other kind of line end',
      `images:\r\n  - name: ${IMAGE}\r\n    newTag: 0.1.0\r\n`,
      { image },
      `images:\r\n  - name: ${IMAGE}\r\n    newTag: 0.2.0\r\n    digest: ${DIGEST}\r\n`,
    ],
    [
      'no line end at the end',
      `images:\n  - name: ${IMAGE}\n    newTag: 0.1.0`,
      { image },
      `images:\n  - name: ${IMAGE}\n    newTag: 0.2.0\n    digest: ${DIGEST}`,
    ],
    [
      'other settings of the service',
      'configMapGenerator:\n  # Ours.\n  - name: cv-inference-config\n    behavior: merge\n    literals:\n      - WORKERS=2 # two\n',
      { model },
      `configMapGenerator:\n  # Ours.\n  - name: cv-inference-config\n    behavior: merge\n    literals:\n      - MODEL_URI=${model.uri}\n      - MODEL_SHA256=${SHA256}\n      - WORKERS=2 # two\n`,
    ],
    [
      'settings in brackets',
      "configMapGenerator:\n  - { name: cv-inference-config, behavior: merge, literals: ['MODEL_URI=s3://a/b', A=b] }\n",
      { model },
      `configMapGenerator:\n  - { name: cv-inference-config, behavior: merge, literals: ['MODEL_SHA256=${SHA256}', 'MODEL_URI=${model.uri}', A=b] }\n`,
    ],
    [
      'another generator',
      'configMapGenerator:\n  - name: other\n    literals: [A=b]\n',
      { model },
      `configMapGenerator:\n  - name: cv-inference-config\n    behavior: merge\n    literals:\n      - MODEL_URI=${model.uri}\n      - MODEL_SHA256=${SHA256}\n  - name: other\n    literals: [A=b]\n`,
    ],
    [
      'a generator without literals',
      'configMapGenerator:\n  - name: cv-inference-config\n    behavior: merge\n    envs: [more.env]\n',
      { model },
      `configMapGenerator:\n  - name: cv-inference-config\n    literals: ['MODEL_URI=${model.uri}', 'MODEL_SHA256=${SHA256}']\n    behavior: merge\n    envs: [more.env]\n`,
    ],
  ])('%s', (_, before, promotion, after) => {
    expect(editOverlay(before, promotion)).toBe(after);
  });
});

describe('any file of this kind', () => {
  const comment = fc.constantFrom('', ' # why', ' # newTag: 9.9.9', ' # é ü ☃');
  const tag = fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)).map((parts) => parts.join('.'));
  const hex = fc.stringMatching(/^[1-9a-f]{64}$/);
  const quote = fc.constantFrom('', "'", '"');
  const file = fc
    .record({
      tag,
      quote,
      a: comment,
      b: comment,
      c: comment,
      eol: fc.constantFrom('\n', '\r\n'),
      digest: fc.boolean(),
      model: fc.boolean(),
      indent: fc.constantFrom('', '  ', '    '),
    })
    .map(({ tag, quote, a, b, c, eol, digest, model, indent }) =>
      [
        `resources: [../../base]${a}`,
        'images:',
        `${indent}- name: elsewhere/image`,
        `${indent}  newTag: ${quote}${tag}${quote}${b}`,
        `${indent}- name: ${IMAGE}${c}`,
        `${indent}  newTag: ${quote}${tag}${quote}${a}`,
        ...(digest ? [`${indent}  digest: ${quote}sha256:old${quote}${b}`] : []),
        `# Between.${c}`,
        ...(model
          ? [
              'configMapGenerator:',
              '- name: cv-inference-config',
              '  literals:',
              `  - ${quote}A=b${quote}${b}`,
              `  - ${quote}MODEL_URI=s3://a/b${quote}${c}`,
            ]
          : []),
        `namespace: x${c}`,
        '',
      ].join(eol),
    );
  const promotion = fc.record(
    {
      image: fc.record({ tag, digest: hex.map((digits) => `sha256:${digits}`) }),
      model: fc.record({ uri: fc.stringMatching(/^s3:\/\/[a-z]{3,9}\/[\w./~%+=@-]{1,20}$/), sha256: hex }),
    },
    { requiredKeys: [] },
  );

  it('says afterwards what was promoted, and loses no byte of its own', () => {
    fc.assert(
      fc.property(file, promotion, (before, given) => {
        const after = editOverlay(before, given as Promotion);
        const { image, model } = given;
        const running = runningOf(after);
        if (image !== undefined) expect(running).toMatchObject({ tag: image.tag, digest: image.digest });
        if (model !== undefined)
          expect(running).toMatchObject({ modelUri: model.uri, modelSha256: model.sha256 });
        if (image === undefined) expect(running.tag).toBe(runningOf(before).tag);
        // A line that is gone is one of those that were to be edited, and its comment is still there.
        const eol = before.includes('\r\n') ? '\r\n' : '\n';
        const lines = after.split(eol);
        for (const line of before.split(eol).filter((one) => !lines.includes(one))) {
          expect(line).toMatch(/^\s*(- )?['"]?(newTag|digest|MODEL_URI)/);
          expect(
            lines.some((one) =>
              one.endsWith(line.slice(line.indexOf(' #') < 0 ? line.length : line.indexOf(' #'))),
            ),
          ).toBe(true);
        }
        expect(parse(after).images).toHaveLength(2);
        expect(parse(after).images[0]).toEqual(parse(before).images[0]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('refuses', () => {
  it.each<[string, string, Promotion, RegExp]>([
    ['a file without the image', 'images: []\n', { image }, /no entry/],
    ['an image without a tag', `images:\n  - name: ${IMAGE}\n    newName: x\n`, { image }, /no newTag/],
    ['what is no YAML', 'images: [\n', { image }, /cannot edit/],
    ['two documents', 'a: 1\n---\na: 2\n', { model }, /cannot edit/],
    ['a list', '- a\n', { model }, /not a map/],
    [
      'a value that others use',
      `images:\n  - name: ${IMAGE}\n    newTag: &tag 0.1.0\nx: *tag\n`,
      { image },
      /anchor/,
    ],
    [
      'a value of several lines',
      `images:\n  - name: ${IMAGE}\n    newTag: >-\n      0.1.0\n`,
      { image },
      /several lines/,
    ],
  ])('%s', (_, text, promotion, message) => {
    expect(() => editOverlay(text, promotion)).toThrow(message);
  });

  it('an overlay that runs no released version, such as local', () => {
    expect(() => promote(read('local'), { image })).toThrow(/runs local, not a released version/);
  });

  it('an image of the other kind', () => {
    expect(() => promote(read('production-gpu'), { image })).toThrow(/0.2.0 is the other kind/);
    expect(() => promote(read('production'), { image: { ...image, tag: '0.2.0-cuda' } })).toThrow(
      /the other kind/,
    );
  });

  const right = { OVERLAY: 'staging', VERSION: '0.2.0', DIGEST, MODEL_URI: model.uri, MODEL_SHA256: SHA256 };
  it.each<[string, Readonly<Record<string, string>>]>([
    ['OVERLAY', { OVERLAY: '../base' }],
    ['OVERLAY', { OVERLAY: '' }],
    ['VERSION', { VERSION: 'latest' }],
    ['VERSION', { VERSION: '' }],
    ['VERSION', { VERSION: '1.0' }],
    ['VERSION', { VERSION: '1.0.0\n  evil: true' }],
    ['DIGEST', { DIGEST: '' }],
    ['DIGEST', { DIGEST: 'sha256:4f' }],
    ['DIGEST', { DIGEST: `sha256:${'0'.repeat(64)}` }],
    ['DIGEST', { DIGEST: `sha256:${'4F'.repeat(32)}` }],
    ['MODEL_URI', { MODEL_URI: '/etc/passwd' }],
    ['MODEL_URI', { MODEL_URI: 'http://models.example/digits' }],
    ['MODEL_URI', { MODEL_URI: 's3://bucket' }],
    ['MODEL_URI', { MODEL_URI: 's3://bucket/a b' }],
    ['MODEL_URI', { MODEL_URI: 's3://bucket/../other' }],
    ['MODEL_SHA256', { MODEL_SHA256: '' }],
    ['MODEL_SHA256', { MODEL_SHA256: `sha256-files:${'0'.repeat(64)}` }],
    ['MODEL_SHA256', { MODEL_SHA256: `sha256-tree:${SHA256}` }],
  ])('a wrong %s: %j', (name, wrong) => {
    expect(() => readRequest({ ...right, ...wrong })).toThrow(new RegExp(`^${name} is not`));
    expect(readRequest(right).overlay).toBe('staging');
  });

  it('the digest of a model with external data is none', () => {
    const sha256 = `sha256-files:${SHA256}`;
    const { promotion } = readRequest({ ...right, MODEL_SHA256: sha256 });
    expect(promotion.model).toEqual({ ...model, sha256 });
    expect(runningOf(editOverlay(read('production'), promotion))).toMatchObject({ modelSha256: sha256 });
  });

  it('nothing at all, and says all faults at once', () => {
    expect(() => readRequest({ OVERLAY: 'staging' })).toThrow(/neither an image/);
    expect(() => readRequest({ OVERLAY: '!', VERSION: 'x', MODEL_URI: 'x' })).toThrow(
      /OVERLAY.*VERSION.*DIGEST.*MODEL_URI.*MODEL_SHA256/,
    );
  });
});

describe('promote.js', () => {
  const script = join(DIST, 'promote.js');
  const checkout = (): string => {
    const folder = emptyFolder();
    cpSync(join(ROOT, 'k8s'), join(folder, 'k8s'), {
      recursive: true,
      filter: (path) => !path.includes('/k8s/tests'),
    });
    return folder;
  };

  it('writes the file and says what it has done, once', () => {
    const cwd = checkout();
    const env = { OVERLAY: 'staging', VERSION: '0.2.0', DIGEST };
    const first = run('node', [script], { cwd, env });
    expect(first.code).toBe(0);
    expect(outputsOf(first)).toEqual({
      file: 'k8s/overlays/staging/kustomization.yaml',
      title: 'Promote staging to image 0.2.0',
      changed: 'true',
    });
    expect(
      runningOf(readFileSync(join(cwd, 'k8s/overlays/staging/kustomization.yaml'), 'utf8')),
    ).toMatchObject(image);
    const second = run('node', [script], { cwd, env });
    expect([second.code, outputsOf(second)['changed'], second.stdout]).toEqual([
      3,
      'false',
      expect.stringContaining('has all of this already'),
    ]);
  });

  it('leaves the file alone where it refuses', () => {
    const cwd = checkout();
    const { code, stderr } = run('node', [script], {
      cwd,
      env: { OVERLAY: 'local', VERSION: '0.2.0', DIGEST },
    });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^promote: runs local/)]);
    expect(readFileSync(join(cwd, 'k8s/overlays/local/kustomization.yaml'), 'utf8')).toBe(read('local'));
    expect(run('node', [script], { cwd, env: { OVERLAY: 'none', VERSION: '0.2.0', DIGEST } })).toMatchObject({
      code: 1,
    });
  });

  it.skipIf(absent('kustomize'))('makes manifests that run the promoted image and model', () => {
    const cwd = checkout();
    for (const overlay of PROMOTED) {
      const tag = overlay.endsWith('-gpu') ? '0.2.0-cuda' : '0.2.0';
      const env = { OVERLAY: overlay, VERSION: tag, DIGEST, MODEL_URI: model.uri, MODEL_SHA256: SHA256 };
      expect(run('node', [script], { cwd, env }).code).toBe(0);
      const { stdout } = run(tool('kustomize') ?? '', ['build', `k8s/overlays/${overlay}`], { cwd });
      expect(stdout).toContain(`image: ${IMAGE}:${tag}@${DIGEST}\n`);
      expect(stdout).toContain(`\n  MODEL_SHA256: ${SHA256}\n  MODEL_URI: ${model.uri}\n`);
      expect(stdout).not.toContain(':0.1.0');
    }
  });
});
