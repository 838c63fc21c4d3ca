import { ServiceError } from '../../errors.js';

/** What `models:/name@alias` or `models:/name/version` names in a registry. */
export interface MlflowAddress {
  readonly name: string;
  /** Exactly one of the two. */
  readonly alias: string | undefined;
  readonly version: string | undefined;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const ADDRESS = /^models:\/{1,3}([^\u0000-\u001f\u007f/@:]{1,256})(?:@([\w.-]{1,256})|\/(\d{1,18}))$/i;

/** Throws CONFIG_INVALID for what is no such URI. */
export function parseMlflowAddress(uri: string): MlflowAddress {
  const [, name, alias, version] = ADDRESS.exec(uri) ?? [];
  if (name !== undefined) return { name, alias, version };
  throw new ServiceError(
    'CONFIG_INVALID',
    "the model URI names nothing in MLflow's registry: write models:/name@alias or models:/name/version",
  );
}
