/**
 * Writes an image and a model into an overlay, from the environment: OVERLAY, VERSION and DIGEST (the image's tag and
 * sha256:...), MODEL_URI and MODEL_SHA256. Ends with 0 where the file has changed, 3 where all of it was there already.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { setOutput } from './output.ts';
import { editOverlay, type Promotion, runningOf } from './overlay.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
const NOTHING_TO_DO = 3;

const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z]+([.-][0-9A-Za-z]+)*)?$/;
const MODEL_URI = /^(s3|https):\/\/[A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?\/[\w./~%+=@-]+$/;
const isSha256 = (text: string): boolean => /^[0-9a-f]{64}$/.test(text) && !/^0+$/.test(text);
/** Of one file, or of a model with external data. */
const isModelDigest = (text: string): boolean => isSha256(text.replace(/^sha256-files:/, ''));
const isCuda = (tag: string): boolean => tag.endsWith('-cuda');

export interface Request {
  readonly overlay: string;
  readonly promotion: Promotion;
}

/** Throws one sentence about everything that is wrong. */
export function readRequest(environment: Environment): Request {
  const given = (name: string): string => environment[name]?.trim() ?? '';
  const faults: string[] = [];
  const demand = (name: string, isRight: boolean, hint: string): void => {
    if (!isRight) faults.push(`${name} ${hint} (given: ${JSON.stringify(given(name))})`);
  };
  demand('OVERLAY', /^[a-z0-9]+(-[a-z0-9]+)*$/.test(given('OVERLAY')), 'is not the name of an overlay');
  const hasImage = given('VERSION') !== '' || given('DIGEST') !== '';
  const hasModel = given('MODEL_URI') !== '' || given('MODEL_SHA256') !== '';
  if (!hasImage && !hasModel)
    faults.push('neither an image (VERSION, DIGEST) nor a model (MODEL_URI, MODEL_SHA256)');
  if (hasImage) {
    demand('VERSION', VERSION.test(given('VERSION')), 'is not a version like 1.2.3 or 1.2.3-cuda');
    const digest = given('DIGEST');
    demand('DIGEST', digest.startsWith('sha256:') && isSha256(digest.slice(7)), 'is not a sha256: digest');
  }
  if (hasModel) {
    const uri = given('MODEL_URI');
    demand('MODEL_URI', MODEL_URI.test(uri) && !uri.includes('/..'), 'is not an s3:// or https:// address');
    demand(
      'MODEL_SHA256',
      isModelDigest(given('MODEL_SHA256')),
      'is not 64 hexadecimal digits, after sha256-files: for a model with external data',
    );
  }
  if (faults.length > 0) throw new Error(faults.join('; '));
  return {
    overlay: given('OVERLAY'),
    promotion: {
      ...(hasImage && { image: { tag: given('VERSION'), digest: given('DIGEST') } }),
      ...(hasModel && { model: { uri: given('MODEL_URI'), sha256: given('MODEL_SHA256') } }),
    },
  };
}

/** The new text of an overlay. Throws where it is not one that is promoted to, or the image is not for it. */
export function promote(text: string, promotion: Promotion): string {
  const { tag } = runningOf(text);
  if (tag === undefined || !VERSION.test(tag)) {
    throw new Error(`runs ${tag ?? 'no tag of its own'}, not a released version: nothing is promoted to it`);
  }
  const { image } = promotion;
  if (image !== undefined && isCuda(image.tag) !== isCuda(tag)) {
    throw new Error(`runs ${tag}; ${image.tag} is the other kind of image`);
  }
  return editOverlay(text, promotion);
}

/** One line, for the commit and the pull request. */
export function titleOf({ overlay, promotion: { image, model } }: Request): string {
  const what = [image && `image ${image.tag}`, model && `model ${model.uri}`].filter(Boolean).join(' and ');
  return `Promote ${overlay} to ${what}`;
}

function main(): void {
  const request = readRequest(process.env);
  const file = `k8s/overlays/${request.overlay}/kustomization.yaml`;
  if (!existsSync(file)) throw new Error(`there is no ${file}`);
  const before = readFileSync(file, 'utf8');
  const after = promote(before, request.promotion);
  setOutput('file', file);
  setOutput('title', titleOf(request));
  setOutput('changed', String(after !== before));
  if (after === before) {
    process.stdout.write(`${request.overlay} has all of this already\n`);
    process.exitCode = NOTHING_TO_DO;
    return;
  }
  writeFileSync(file, after);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    main();
  } catch (error) {
    process.stderr.write(`promote: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
