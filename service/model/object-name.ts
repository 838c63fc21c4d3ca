import { ServiceError } from '../errors.js';

/** Windows drive letters and control characters mean something else elsewhere, half a character has no bytes; nothing good needs them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const STRANGE = /^[A-Za-z]:|[\\\u0000-\u001f\u007f\p{Surrogate}]/u;

/**
 * Holds that a file named by a manifest lies beside it or in a folder below it.
 * Throws MODEL_INCOMPATIBLE for absolute paths, `..`, empty segments, backslashes, control characters and half characters.
 * @param origin where the manifest came from, for the message
 */
export function checkObjectName(name: string, origin: string): void {
  const segments = name.split('/');
  const isBeside = segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  if (isBeside && !STRANGE.test(name)) return;
  throw new ServiceError(
    'MODEL_INCOMPATIBLE',
    `${origin} names the file ${JSON.stringify(name)}, which is not a plain relative path; put it beside the manifest`,
  );
}
