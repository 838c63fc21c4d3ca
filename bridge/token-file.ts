import { open } from 'node:fs/promises';
import { messageOf } from '../service/errors.js';

const MAX_BYTES = 16_384;

/** The token in a file, without the white space around it. Throws a sentence where there is none that a header can carry. */
export async function readToken(path: string): Promise<string> {
  const token = (await readStart(path)).trim();
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error(`${path} holds no token`);
  return token;
}

async function readStart(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new Error(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
