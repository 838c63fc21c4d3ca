import { join } from 'node:path';
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import {
  pageHeaders,
  readStaticFiles,
  type StaticFile,
  sendStaticFile,
} from '../service/http/static-files.js';
import type { Logger } from '../service/telemetry/logging.js';
import type { Feed } from './feed.js';
import { isAllowedHost } from './hosts.js';
import type { Metrics } from './metrics.js';
import type { Viewers } from './viewers.js';

export interface ServerOptions {
  readonly feed: Feed;
  readonly viewers: Viewers;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Whether what there is is known. */
  readonly isReady: () => boolean;
  /** Names beside this machine's own by which requests may ask for it, in lower case. */
  readonly allowedHosts: ReadonlySet<string>;
  /** With the page's files in `dashboard/page`, and those of the playground that it uses in `service/playground`. */
  readonly pageRoot: string;
}

const REQUEST_TIMEOUT_MS = 10_000;
/** Who takes nothing of an answer for so long is closed; of a stream the viewers know. */
const CONNECTION_TIMEOUT_MS = 30_000;
/** Streams, and short requests beside them. */
const MAX_CONNECTIONS = 512;
const RETRY_AFTER_SECONDS = 10;
/**
 * How old the state may be, milliseconds: all who ask meanwhile get the same bytes, and those who take nothing hold few copies.
 */
const STATE_AGE_MS = 1000;

const PAGE_HEADERS = pageHeaders();

const JSON_HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'no-store',
} as const;

/** As it is sent to whoever watches: by no cache, and by no proxy in pieces of its own. */
const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // When the stream ends, so does the connection: the server waits for none.
  connection: 'close',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
} as const;

/** What the world sees of the dashboard, all of it to be read alone. Does not listen yet. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { metrics, feed, logger } = options;
  const server = fastify({
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    http: { headersTimeout: REQUEST_TIMEOUT_MS },
  });
  server.server.maxConnections = MAX_CONNECTIONS;
  server.addHook('preClose', async () => options.viewers.close());
  server.addHook('onRequest', async (request, reply) => refuseOthers(options.allowedHosts, request, reply));
  server.setErrorHandler<FastifyError>((error, _, reply) => answerError(logger, error, reply));
  server.setNotFoundHandler((_, reply) => refuse(reply, 404, 'NOT_FOUND', 'there is nothing here'));
  await addPage(server, options.pageRoot);
  server.get('/health', async () => ({ status: 'ok' }));
  server.get('/ready', async (_, reply) => {
    const isReady = options.isReady();
    return reply.code(isReady ? 200 : 503).send({ status: isReady ? 'ready' : 'starting' });
  });
  server.get('/metrics', async (_, reply) => {
    reply.type(metrics.registry.contentType);
    return metrics.registry.metrics();
  });
  addJson(server, '/state', () => feed.store.snapshot());
  addJson(server, '/timeline.json', () => feed.store.snapshot().timeline);
  server.get('/events', { exposeHeadRoute: false }, (request, reply) => stream(options, request, reply));
  return server;
}

/** Whoever asks for another name was sent here by its DNS. */
function refuseOthers(
  allowedHosts: ReadonlySet<string>,
  { headers }: FastifyRequest,
  reply: FastifyReply,
): FastifyReply | undefined {
  if (isAllowedHost(headers.host, allowedHosts)) return undefined;
  return refuse(
    reply,
    421,
    'HOST_NOT_ALLOWED',
    'this is not the host of that name; ALLOWED_HOSTS names others',
  );
}

/** The page lies as in the repository, so that its files find one another in a browser as they do in an editor. */
async function addPage(server: FastifyInstance, root: string): Promise<void> {
  const page = await addFiles(server, root, 'dashboard/page');
  await addFiles(server, root, 'service/playground');
  server.get('/', async (request, reply) => sendPageFile(request, reply, page.get('index.html')));
}

async function addFiles(
  server: FastifyInstance,
  root: string,
  folder: string,
): Promise<ReadonlyMap<string, StaticFile>> {
  const files = await readStaticFiles(join(root, folder));
  server.get<{ Params: { file: string } }>(`/${folder}/:file`, async (request, reply) =>
    sendPageFile(request, reply, files.get(request.params.file)),
  );
  return files;
}

function sendPageFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: StaticFile | undefined,
): FastifyReply {
  if (file !== undefined) return sendStaticFile(request, reply.headers(PAGE_HEADERS), file);
  reply.callNotFound();
  return reply;
}

function addJson(server: FastifyInstance, path: string, value: () => unknown): void {
  let bytes = Buffer.alloc(0);
  let madeAt = Number.NEGATIVE_INFINITY;
  server.get(path, async (_, reply) => {
    if (performance.now() - madeAt >= STATE_AGE_MS) {
      bytes = Buffer.from(JSON.stringify(value()));
      madeAt = performance.now();
    }
    return reply.headers(JSON_HEADERS).send(bytes);
  });
}

function stream({ feed, viewers, metrics }: ServerOptions, request: FastifyRequest, reply: FastifyReply) {
  if (viewers.isFull) {
    metrics.viewersLost.inc({ reason: 'full' });
    reply.header('retry-after', RETRY_AFTER_SECONDS);
    return refuse(reply, 503, 'OVERLOADED', 'too many watch already');
  }
  const lastEventId = request.headers['last-event-id'];
  request.raw.setTimeout(0);
  reply.hijack();
  reply.raw.writeHead(200, STREAM_HEADERS);
  viewers.add(reply.raw, feed, typeof lastEventId === 'string' ? lastEventId : undefined);
  return reply;
}

function answerError(logger: Logger, error: FastifyError, reply: FastifyReply): FastifyReply {
  const status = error.statusCode ?? 500;
  if (status >= 500) logger.error({ err: error }, 'INTERNAL');
  return refuse(reply, status, error.code ?? 'INTERNAL', status < 500 ? error.message : 'see the log');
}

function refuse(reply: FastifyReply, status: number, code: string, detail: string): FastifyReply {
  return reply.code(status).type('application/problem+json').send({ status, code, detail });
}
