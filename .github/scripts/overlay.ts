/** Edits an overlay's kustomization.yaml: the image and the model, and not a byte besides. Pure. */
import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  parse,
  parseDocument,
  Scalar,
  stringify,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';

/** As k8s/base names it. */
export const IMAGE = 'ghcr.io/cv-inference/cv-inference';
const SETTINGS = 'cv-inference-config';

export interface Promotion {
  readonly image?: { readonly tag: string; readonly digest: string };
  readonly model?: { readonly uri: string; readonly sha256: string };
}

/** What an overlay runs, as far as it says so itself. */
export interface Running {
  readonly tag?: string;
  readonly digest?: string;
  readonly modelUri?: string;
  readonly modelSha256?: string;
}

interface ImageEntry {
  readonly name?: string;
  readonly newTag?: unknown;
  readonly digest?: unknown;
}
interface Generator {
  readonly name?: string;
  readonly literals?: readonly string[];
}
interface Kustomization {
  readonly images?: readonly ImageEntry[];
  readonly configMapGenerator?: readonly Generator[];
}

export function runningOf(text: string): Running {
  const { images = [], configMapGenerator = [] } = (parse(text) ?? {}) as Kustomization;
  const { newTag, digest } = images.find(({ name }) => name === IMAGE) ?? {};
  const literals = configMapGenerator.find(({ name }) => name === SETTINGS)?.literals ?? [];
  const setting = (key: string): string | undefined =>
    literals.find((literal) => literal.startsWith(`${key}=`))?.slice(key.length + 1);
  return defined({
    tag: newTag === undefined ? undefined : String(newTag),
    digest: digest === undefined ? undefined : String(digest),
    modelUri: setting('MODEL_URI'),
    modelSha256: setting('MODEL_SHA256'),
  });
}

function defined<Values extends object>(values: Values): { [Key in keyof Values]: NonNullable<Values[Key]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

/** The text with the promotion in it. Throws where the file is not one that it can edit safely. */
export function editOverlay(text: string, { image, model }: Promotion): string {
  let edited = text;
  if (image !== undefined) edited = setImage(edited, image);
  // The second goes before the first.
  if (model !== undefined) {
    edited = setSetting(edited, 'MODEL_SHA256', model.sha256);
    edited = setSetting(edited, 'MODEL_URI', model.uri);
  }
  assertNothingElseChanged(text, edited);
  return edited;
}

function setImage(text: string, { tag, digest }: NonNullable<Promotion['image']>): string {
  const entry = (document: Document): YAMLMap =>
    entryNamed(seqAt(document, 'images'), IMAGE) ?? refuse(`images has no entry for ${IMAGE}`);
  if (pairOf(entry(parsed(text)), 'newTag') === undefined) refuse('the image has no newTag');
  const tagged = setValue(text, entry(parsed(text)), 'newTag', tag);
  return setValue(tagged, entry(parsed(tagged)), 'digest', digest);
}

function setSetting(text: string, key: string, value: string): string {
  const document = parsed(text);
  const setting = `${key}=${value}`;
  const generators = seqAt(document, 'configMapGenerator');
  if (generators === undefined) return appendGenerator(text, setting);
  const generator = entryNamed(generators, SETTINGS);
  if (generator === undefined) return insertFirst(text, document, 'configMapGenerator', generators, setting);
  const literals = generator.get('literals');
  if (!isSeq(literals)) return insertAfter(text, generator, 'name', `literals: [${quoted(setting)}]`);
  const known = literals.items.find(
    (item): item is Scalar<string> => isScalar(item) && String(item.value).startsWith(`${key}=`),
  );
  if (known !== undefined) return replaceScalar(text, known, setting);
  return insertFirst(text, generator, 'literals', literals, setting);
}

/** Sets a key of a map beside the others; a new one comes after newTag. */
function setValue(text: string, map: YAMLMap, key: string, value: string): string {
  const pair = pairOf(map, key);
  if (pair === undefined) return insertAfter(text, map, 'newTag', `${key}: ${value}`);
  return replaceScalar(text, isScalar(pair.value) ? pair.value : refuse(`${key} is no single value`), value);
}

function replaceScalar(text: string, scalar: Scalar, value: string): string {
  const [start, end] = scalar.range ?? refuse('a value without a place');
  if (scalar.anchor !== undefined) refuse('a value with an anchor, which others may use');
  return text.slice(0, start) + inStyle(scalar.type, value) + text.slice(end);
}

function inStyle(style: Scalar['type'], value: string): string {
  if (style === 'PLAIN') return plainOrQuoted(value);
  if (style !== 'QUOTE_SINGLE' && style !== 'QUOTE_DOUBLE') return refuse('a value of several lines');
  return stringify(value, { defaultStringType: style, lineWidth: 0 }).trimEnd();
}

/** As plain text where that means the same inside [] and {} too, else in quotes. */
function plainOrQuoted(value: string): string {
  return /[,[\]{}]/.test(value) ? quoted(value) : stringify(value, { lineWidth: 0 }).trimEnd();
}

function quoted(value: string): string {
  return stringify(value, { defaultStringType: Scalar.QUOTE_SINGLE, lineWidth: 0 }).trimEnd();
}

function insertAfter(text: string, map: YAMLMap, anchorKey: string, line: string): string {
  const anchor = pairOf(map, anchorKey) ?? refuse(`no ${anchorKey} to write beside`);
  const end = rangeOf(anchor.value)[1];
  if (map.flow === true) return `${text.slice(0, end)}, ${line}${text.slice(end)}`;
  const start = rangeOf(anchor.key)[0];
  const indent = ' '.repeat(start - lineStart(text, start));
  return insertLine(text, end, indent + line);
}

/** Puts an item at the head of a list, in the list's own manner. */
function insertFirst(
  text: string,
  parent: Document | YAMLMap,
  key: string,
  list: YAMLSeq,
  setting: string,
): string {
  const isGenerators = key === 'configMapGenerator';
  if (list.flow === true || list.items.length === 0) {
    const item = isGenerators
      ? `{ name: ${SETTINGS}, behavior: merge, literals: [${quoted(setting)}] }`
      : quoted(setting);
    const open = text.indexOf('[', rangeOf(list)[0]) + 1;
    return `${text.slice(0, open)}${item}${list.items.length > 0 ? ', ' : ''}${text.slice(open)}`;
  }
  const first = rangeOf(list.items[0])[0];
  const dash = text.slice(lineStart(text, first), first);
  if (!/^\s*-\s+$/.test(dash)) refuse(`${key}: a list that does not stand a line an item`);
  const root = 'contents' in parent ? parent.contents : parent;
  const keyEnd = rangeOf(pairOf(isMap(root) ? root : refuse('no map'), key)?.key)[1];
  const under = ' '.repeat(dash.length);
  const lines = isGenerators
    ? [
        `${dash}name: ${SETTINGS}`,
        `${under}behavior: merge`,
        `${under}literals:`,
        `${under}  - ${plainOrQuoted(setting)}`,
      ]
    : [dash + plainOrQuoted(setting)];
  return insertLine(text, keyEnd, lines.join(eolOf(text)));
}

function appendGenerator(text: string, setting: string): string {
  const eol = eolOf(text);
  const lines = [
    'configMapGenerator:',
    `  - name: ${SETTINGS}`,
    '    behavior: merge',
    '    literals:',
    `      - ${plainOrQuoted(setting)}`,
  ];
  return `${text}${text.endsWith('\n') ? '' : eol}${lines.join(eol)}${eol}`;
}

function insertLine(text: string, after: number, line: string): string {
  const newline = text.indexOf('\n', after);
  if (newline < 0) return `${text}${eolOf(text)}${line}`;
  const end = text[newline - 1] === '\r' ? newline - 1 : newline;
  return `${text.slice(0, end)}${eolOf(text)}${line}${text.slice(end)}`;
}

const eolOf = (text: string): string => (text.includes('\r\n') ? '\r\n' : '\n');
const lineStart = (text: string, position: number): number => text.lastIndexOf('\n', position - 1) + 1;

function parsed(text: string): Document {
  const document = parseDocument(text);
  const [fault] = document.errors;
  if (fault !== undefined) refuse(fault.message);
  if (!isMap(document.contents)) refuse('not a map');
  return document;
}

function seqAt(document: Document, key: string): YAMLSeq | undefined {
  const value = document.get(key);
  if (value === undefined || isSeq(value)) return value;
  return refuse(`${key} is no list`);
}

function entryNamed(list: YAMLSeq | undefined, name: string): YAMLMap | undefined {
  return list?.items.find((item): item is YAMLMap => isMap(item) && item.get('name') === name);
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
}

function rangeOf(node: unknown): readonly [number, number, number] {
  const range = (node as { readonly range?: [number, number, number] | null } | null | undefined)?.range;
  return range ?? refuse('a value without a place');
}

function refuse(reason: string): never {
  throw new Error(`cannot edit the overlay: ${reason}`);
}

/** Whatever the edits did to the text, its meaning may differ in these places alone. */
function assertNothingElseChanged(before: string, after: string): void {
  if (!isDeepStrictEqual(withoutPromoted(parse(before)), withoutPromoted(parse(after)))) {
    refuse('more would change than the image and the model');
  }
}

function withoutPromoted(kustomization: Kustomization): unknown {
  const { images = [], configMapGenerator = [], ...rest } = kustomization;
  const isPromoted = (literal: string): boolean => /^MODEL_(URI|SHA256)=/.test(literal);
  const generators = configMapGenerator.map(({ literals = [], ...generator }) => ({
    ...generator,
    literals: generator.name === SETTINGS ? literals.filter((literal) => !isPromoted(literal)) : literals,
  }));
  const isOurs = (generator: (typeof generators)[number]): boolean =>
    isDeepStrictEqual(generator, { name: SETTINGS, behavior: 'merge', literals: [] });
  return {
    ...rest,
    images: images.map(({ newTag, digest, ...image }) =>
      image.name === IMAGE ? image : { ...image, newTag, digest },
    ),
    configMapGenerator: generators.filter((generator) => !isOurs(generator)),
  };
}
