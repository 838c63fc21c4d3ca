import { createHash, timingSafeEqual } from 'node:crypto';
import { readToken } from './token-file.js';

const MIN_LENGTH = 16;

/** The token that Alertmanager must send. Throws a sentence where it is missing or short enough to be guessed. */
export async function readAlertsToken(path: string): Promise<string> {
  const token = await readToken(path);
  if (token.length < MIN_LENGTH) throw new Error(`${path}: the token has less than ${MIN_LENGTH} characters`);
  return token;
}

/** Whether the header carries the token. Takes as long whatever it carries: what is compared are digests of one length. */
export function isAuthorized(header: string | undefined, token: string): boolean {
  const given = /^bearer (.*)$/i.exec(header ?? '')?.[1] ?? '';
  return timingSafeEqual(digestOf(given), digestOf(token));
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
