import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** A file in memory, as it is sent. */
export interface StaticFile {
  readonly bytes: Buffer;
  readonly type: string;
  /** Of its content (RFC 9110, 8.8.3). */
  readonly etag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The files of a folder by name: those of a type that a page is made of, and none of its subfolders. */
export async function readStaticFiles(folder: string): Promise<ReadonlyMap<string, StaticFile>> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  const files = names.flatMap((name) => {
    const type = TYPES[extname(name)];
    return type === undefined ? [] : [readStaticFile(join(folder, name), name, type)];
  });
  return new Map(await Promise.all(files));
}

async function readStaticFile(path: string, name: string, type: string): Promise<[string, StaticFile]> {
  return [name, staticFile(await readFile(path), type)];
}

export function staticFile(bytes: Buffer, type: string): StaticFile {
  return { bytes, type, etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"` };
}

/** Sends it, or 304 to whoever has it: kept by browsers, and asked for again each time. */
export function sendStaticFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { bytes, type, etag }: StaticFile,
): FastifyReply {
  reply.header('etag', etag).header('cache-control', 'no-cache');
  if (hasIt(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.type(type).send(bytes);
}

/** Whether one of the tags is this one; a proxy that compresses makes them weak. */
function hasIt(header: string | undefined, etag: string): boolean {
  const tags = (header ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}

/**
 * Headers of a page that loads nothing but what its own server sends, and in which text never becomes markup.
 * @param images schemes that pictures may have besides
 */
export function pageHeaders(...images: readonly ('blob:' | 'data:')[]): Readonly<Record<string, string>> {
  return {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      ["img-src 'self'", ...images].join(' '),
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ].join('; '),
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  };
}
