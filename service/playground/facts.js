// @ts-check

/**
 * What this page knows of a model: what GET /model and /openapi.json say, and nothing else.
 * @typedef {{
 *   name: string, version: string, digest: string, task: string, about: string,
 *   provider: string, workers: number, serviceVersion: string,
 *   labels: readonly string[],
 *   skeleton: readonly (readonly [string, string])[],
 *   input: { width?: number, height?: number, channels: string },
 *   parameters: readonly Parameter[],
 *   takesFeedback: boolean,
 *   hasMetrics: boolean,
 *   hasReadiness: boolean,
 *   needsKey: boolean,
 * }} Facts
 * @typedef {{ name: string, about: string } & (
 *   | { kind: 'number', min: number, max: number, isWhole: boolean, initial: number | undefined }
 *   | { kind: 'labels', options: readonly string[] }
 *   | { kind: 'choice', options: readonly string[] }
 * )} Parameter
 */

/** What changes how an answer is written down, and not what is seen of it here. */
const OF_OTHER_CLIENTS = new Set(['encoding', 'picture']);
/** Sides of an input that a person can fill by drawing, pixels. */
const MAX_DRAWN_SIDE = 64;

/**
 * @param {any} model what GET /model says
 * @param {any} document what GET /openapi.json says
 * @returns {Facts}
 */
export function factsOf(model, document) {
  const { manifest } = model;
  const labels = manifest.output.labels ?? [];
  /** @type {any[]} */
  const parameters = document.paths['/predict'].post.parameters;
  return {
    name: model.name,
    version: model.version,
    digest: model.digest,
    task: model.task,
    about: manifest.description ?? '',
    provider: model.execution_provider,
    workers: model.workers,
    serviceVersion: model.service_version,
    labels,
    skeleton: model.skeleton ?? [],
    input: manifest.input,
    parameters: parameters
      .filter((each) => each.in === 'query' && !OF_OTHER_CLIENTS.has(each.name))
      .flatMap((each) => parameterOf(each, manifest.output, labels)),
    takesFeedback: document.paths['/feedback'] !== undefined,
    hasMetrics: document.paths['/metrics'] !== undefined,
    hasReadiness: document.paths['/ready'] !== undefined,
    needsKey: document.security !== undefined,
  };
}

/**
 * Whether it is natural to draw for a model: it sees small pictures without colours.
 * @param {Facts} facts
 */
export function canBeDrawnFor({ input: { width = Infinity, height = Infinity, channels } }) {
  return channels === 'grey' && Math.max(width, height) <= MAX_DRAWN_SIDE;
}

/**
 * @param {any} given of the OpenAPI document
 * @param {any} output as the manifest has it: what a request leaves out is as it says there
 * @param {readonly string[]} labels
 * @returns {Parameter[]} none where there is no control for it
 */
function parameterOf({ name, description = '', schema }, output, labels) {
  const common = { name, about: description.replace(/; default:.*$/, '') };
  const { minimum, maximum } = schema;
  if (schema.type === 'array' && schema.items?.enum !== undefined) {
    return [{ ...common, kind: 'labels', options: schema.items.enum }];
  }
  if (schema.enum !== undefined) return [{ ...common, kind: 'choice', options: schema.enum }];
  if (schema.type !== 'integer' && schema.type !== 'number') return [];
  const max = name === 'top_k' && labels.length > 0 ? Math.min(maximum, labels.length) : maximum;
  const initial = output[name] ?? (name === 'max_detections' ? maximum : undefined);
  return [{ ...common, kind: 'number', min: minimum, max, isWhole: schema.type === 'integer', initial }];
}
