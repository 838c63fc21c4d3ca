import { multipart } from '../../support/images.js';
import type { HonestRequest } from './http-client.js';
import type { KnownImage } from './known-images.js';

export interface Form {
  readonly images: number;
  readonly isBatch: boolean;
  readonly make: (images: readonly KnownImage[]) => HonestRequest;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const FILES_PER_BATCH = 4;
const TEXTS_PER_BATCH = 3;

function raw([image]: readonly KnownImage[]): HonestRequest {
  if (image === undefined) throw new Error('nothing to send');
  return { path: '/predict', headers: { 'content-type': image.contentType }, body: image.bytes };
}

const form =
  (path: string, field: string) =>
  (images: readonly KnownImage[]): HonestRequest => {
    const { payload, headers } = multipart(
      images.map(({ bytes, name }) => ({ field, bytes, filename: name })),
    );
    return { path, headers, body: payload };
  };

function base64({ bytes }: KnownImage): string {
  return bytes.toString('base64');
}

function dataUrl(image: KnownImage): string {
  return `data:${image.contentType};base64,${base64(image)}`;
}

function oneAsText(write: (image: KnownImage) => string) {
  return ([image]: readonly KnownImage[]): HonestRequest => {
    if (image === undefined) throw new Error('nothing to send');
    return {
      path: '/predict',
      headers: JSON_TYPE,
      body: Buffer.from(JSON.stringify({ image: write(image) })),
    };
  };
}

function manyAsText(images: readonly KnownImage[]): HonestRequest {
  const body = Buffer.from(JSON.stringify({ images: images.map(base64) }));
  return { path: '/predict/batch', headers: JSON_TYPE, body };
}

/** Every way in which images are sent, the usual one more often. */
export const FORMS: readonly Form[] = [
  { images: 1, isBatch: false, make: raw },
  { images: 1, isBatch: false, make: raw },
  { images: 1, isBatch: false, make: form('/predict', 'file') },
  { images: 1, isBatch: false, make: oneAsText(base64) },
  { images: 1, isBatch: false, make: oneAsText(dataUrl) },
  { images: FILES_PER_BATCH, isBatch: true, make: form('/predict/batch', 'files') },
  { images: TEXTS_PER_BATCH, isBatch: true, make: manyAsText },
];
