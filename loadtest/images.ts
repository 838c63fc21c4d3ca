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
  /** The name of the model whose answer the label is. */
  readonly model?: string | undefined;
}

/** A request's body with its type. */
export interface Upload {
  readonly contentType: string;
  readonly body: Buffer;
}

/** @param folder with a model.json, or of images; relative to the repository */
export async function loadImages(folder: string): Promise<readonly Image[]> {
  const path = resolve(PACKAGE_ROOT, folder);
  if (!existsSync(path)) throw new Error(`IMAGES: there is no ${path}`);
  const files = await listImages(path);
  return Promise.all(
    files.map(async ({ file, label, model }) => ({
      name: basename(file),
      contentType: contentTypeOf(file) ?? 'application/octet-stream',
      bytes: await readFile(join(path, file)),
      label,
      model,
    })),
  );
}

interface Listed extends Pick<Image, 'label' | 'model'> {
  readonly file: string;
}

async function listImages(path: string): Promise<readonly Listed[]> {
  const manifest = join(path, 'model.json');
  if (existsSync(manifest)) {
    const text = await readFile(manifest, 'utf8');
    const model: string = JSON.parse(text).name;
    return goldenImages(text).map((golden) => ({ ...golden, model }));
  }
  const files = (await readdir(path)).filter((file) => contentTypeOf(file) !== undefined).sort();
  if (files.length === 0) throw new Error(`IMAGES: ${path} has neither a model.json nor images`);
  return files.map((file) => ({ file, label: undefined }));
}

/** The images as they are posted to a model, if its name is known: the answers of another model are not its own. */
export function askedOf(model: string | undefined, images: readonly Image[]): readonly Image[] {
  return images.map((image) =>
    model === undefined || image.model === model ? image : { ...image, label: undefined },
  );
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
