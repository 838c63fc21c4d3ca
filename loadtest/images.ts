import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { contentTypeOf, goldenImages } from './answers.js';
import { PACKAGE_ROOT } from './package-root.js';

export interface Image {
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Buffer;
  /** Undefined where nobody has said: then the first answer counts. */
  readonly label: string | undefined;
}

/** A request's body with its type. */
export interface Upload {
  readonly contentType: string;
  readonly body: Buffer;
}

/**
 * @param folder with a model.json, or of images; relative to the repository
 * @param model the name of the one that is asked, where known: the answers of another are not its own
 */
export async function loadImages(folder: string, model?: string): Promise<readonly Image[]> {
  const path = resolve(PACKAGE_ROOT, folder);
  if (!existsSync(path)) throw new Error(`IMAGES: there is no ${path}`);
  const files = await listImages(path, model);
  return Promise.all(
    files.map(async ({ file, label }) => ({
      name: basename(file),
      contentType: contentTypeOf(file) ?? 'application/octet-stream',
      bytes: await readFile(join(path, file)),
      label,
    })),
  );
}

async function listImages(
  path: string,
  model: string | undefined,
): Promise<readonly { file: string; label: string | undefined }[]> {
  const manifest = join(path, 'model.json');
  if (existsSync(manifest)) {
    const text = await readFile(manifest, 'utf8');
    const isItsOwn = model === undefined || model === JSON.parse(text).name;
    return goldenImages(text).map(({ file, label }) => ({ file, label: isItsOwn ? label : undefined }));
  }
  const files = (await readdir(path)).filter((file) => contentTypeOf(file) !== undefined).sort();
  if (files.length === 0) throw new Error(`IMAGES: ${path} has neither a model.json nor images`);
  return files.map((file) => ({ file, label: undefined }));
}

export async function uploadOf(image: Image, how: 'raw' | 'multipart'): Promise<Upload> {
  if (how === 'raw') return { contentType: image.contentType, body: image.bytes };
  const form = new FormData();
  form.set('file', new Blob([new Uint8Array(image.bytes)], { type: image.contentType }), image.name);
  const encoded = new Response(form);
  return {
    contentType: encoded.headers.get('content-type') ?? '',
    body: Buffer.from(await encoded.arrayBuffer()),
  };
}
