import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { askedOf, loadImages, uploadOf } from './images.js';

async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cv-test-'));
  onTestFinished(() => rm(path, { recursive: true }));
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(path, name), text)));
  return path;
}

describe('images', () => {
  it('of the default model are its golden ones, with their labels', async () => {
    const images = await loadImages('service/models/digits');
    expect(images.length).toBeGreaterThan(10);
    for (const { name, label, bytes, contentType } of images) {
      expect(name.startsWith(String(label))).toBe(true);
      expect(bytes.byteLength).toBeGreaterThan(0);
      expect(contentType).toMatch(/^image\/(png|jpeg|webp)$/);
    }
  });

  it('keep their labels for the model that they were made for', async () => {
    const images = await loadImages('service/models/digits');
    const labels = (model: string | undefined) => askedOf(model, images).map(({ label }) => label);
    expect(labels('digits')).not.toContain(undefined);
    expect(labels(undefined)).toEqual(labels('digits'));
    expect(new Set(labels('resnet50'))).toEqual(new Set([undefined]));
  });

  it('of a folder without a model.json are all it has, with labels unknown', async () => {
    const images = await loadImages(await folder({ 'b.jpg': 'b', 'a.png': 'a', 'notes.txt': '' }));
    expect(images.map(({ name, label }) => [name, label])).toEqual([
      ['a.png', undefined],
      ['b.jpg', undefined],
    ]);
  });

  it('that are not there are named', async () => {
    await expect(loadImages('no/such/folder')).rejects.toThrow(/no\/such\/folder/);
    await expect(loadImages(await folder({ 'notes.txt': '' }))).rejects.toThrow(/nor images/);
  });

  it('are posted as they are, or as form field file', async () => {
    const [image] = await loadImages(await folder({ 'a.png': 'pixels' }));
    if (image === undefined) throw new Error('no image');
    expect(await uploadOf(image, 'raw')).toEqual({ contentType: 'image/png', body: Buffer.from('pixels') });
    const { contentType, body } = await uploadOf(image, 'multipart');
    const form = await new Response(new Uint8Array(body), {
      headers: { 'content-type': contentType },
    }).formData();
    const file = form.get('file');
    if (!(file instanceof File)) throw new Error('no file');
    expect([file.name, file.type, await file.text()]).toEqual(['a.png', 'image/png', 'pixels']);
  });
});
