import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError } from '../errors.js';
import { sniffFormat } from '../preprocess/sniff-format.js';
import type { ModelRegistry } from '../serving/model-registry.js';
import type { Sample, ServingModel } from '../serving/serving-model.js';
import { Accepted } from './accept.js';
import { varyByAccept } from './picture-answer.js';
import { pageHeaders, readStaticFiles, type StaticFile, sendStaticFile, staticFile } from './static-files.js';

export interface PlaygroundDependencies {
  /** Folder of the page; undefined where it is turned off. */
  readonly playground: string | undefined;
  readonly models: Pick<ModelRegistry, 'current'>;
}

const PAGE = 'index.html';
/** More are not offered: a page shows no more than a few. */
const MAX_SAMPLES = 24;

/** Pictures of the visitor's own are shown too. */
const PAGE_HEADERS = pageHeaders('blob:', 'data:');

/** What whoever is no browser gets at /. */
const INDEX = {
  service: 'cv-inference',
  routes: {
    predict: 'POST /predict',
    batch: 'POST /predict/batch',
    model: 'GET /model',
    docs: 'GET /docs',
    openapi: 'GET /openapi.json',
  },
} as const;

const HIDDEN = { schema: { hide: true } } as const;

/** GET /: a page on which people try the model, its files, and the model's golden images as samples. */
export async function registerPlaygroundRoutes(
  server: FastifyInstance,
  { playground, models }: PlaygroundDependencies,
): Promise<void> {
  if (playground === undefined) return;
  const files = await readStaticFiles(playground);
  const page = fileNamed(files, PAGE);
  const link = [...files.keys()].filter(isModule).map(preloaded).join(', ');
  server.get('/', HIDDEN, async (request, reply) => {
    varyByAccept(reply);
    if (!wantsPage(request)) return INDEX;
    return sendStaticFile(request, reply.headers({ ...PAGE_HEADERS, link }), page);
  });
  server.get<{ Params: { file: string } }>('/playground/:file', HIDDEN, async (request, reply) =>
    sendStaticFile(request, reply.headers(PAGE_HEADERS), fileNamed(files, request.params.file)),
  );
  server.get('/playground/samples', HIDDEN, async () => ({
    samples: samplesOf(models).map(({ name }, index) => ({ name, url: `playground/samples/${index}` })),
  }));
  server.get<{ Params: { index: string } }>('/playground/samples/:index', HIDDEN, async (request, reply) =>
    sendSample(request, reply, samplesOf(models)[Number(request.params.index)]),
  );
}

function isModule(name: string): boolean {
  return name.endsWith('.js');
}

/** Fetched at once, and not only when the module that imports it is there. */
function preloaded(name: string): string {
  return `<playground/${name}>; rel=modulepreload`;
}

/** Browsers name HTML; who has no preference, such as curl, is a program. */
function wantsPage({ headers }: FastifyRequest): boolean {
  return new Accepted(headers.accept).best(['application/json', 'text/html']) === 'text/html';
}

/** Throws NOT_FOUND. */
function fileNamed(files: ReadonlyMap<string, StaticFile>, name: string): StaticFile {
  const file = files.get(name);
  if (file === undefined) throw nothingHere();
  return file;
}

/** Throws NOT_READY while there is no model. */
function samplesOf({ current }: Pick<ModelRegistry, 'current'>): ServingModel['samples'] {
  if (current === undefined) throw new ServiceError('NOT_READY', 'The model is still being loaded.');
  return current.samples.slice(0, MAX_SAMPLES);
}

/** Throws NOT_FOUND where there is none, or its file is gone. */
async function sendSample(
  request: FastifyRequest,
  reply: FastifyReply,
  sample: Sample | undefined,
): Promise<FastifyReply> {
  const bytes = await sample?.read().catch(() => undefined);
  if (bytes === undefined) throw nothingHere();
  const { format } = sniffFormat(bytes);
  const type = format === undefined ? 'application/octet-stream' : `image/${format}`;
  return sendStaticFile(request, reply, staticFile(bytes, type));
}

function nothingHere(): ServiceError {
  return new ServiceError('NOT_FOUND', 'There is nothing here. /docs lists what there is.');
}
