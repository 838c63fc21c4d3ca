import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https, { type RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';

/** What the API server answered instead of what it was asked for. */
export class RefusedByServer extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What a token in a kubeconfig, a file beside it or a service account allows: reading, in JSON. */
export interface KubernetesClient {
  /**
   * The body of the answer to a GET. Rejects with RefusedByServer where the status is not 200, and with an error of Node's
   * where nothing answers.
   * @param path with its query
   */
  get(path: string, signal: AbortSignal): Promise<IncomingMessage>;
}

const MAX_REASON_BYTES = 64 * 1024;
/** A peer that is gone without a word is noticed then, milliseconds. */
const KEEP_ALIVE_MS = 30_000;

/** Where nothing names a cluster, the library takes this machine's port 8080: that of the dashboard itself. */
const NO_CLUSTER = 'loaded-context';
const NAMED_NOWHERE = 'neither a kubeconfig nor a service account names a cluster';

/** Of the cluster that KUBECONFIG, ~/.kube/config or the pod's service account names. Throws where none does. */
export function connectToKubernetes(): KubernetesClient {
  const config = new KubeConfig();
  config.loadFromDefault();
  if (config.currentContext === NO_CLUSTER) throw new Error(NAMED_NOWHERE);
  return clientOf(config);
}

/**
 * Node's own client makes the requests: the library's Watch keeps to itself why it was refused, and drops what it cannot
 * read. Throws where no cluster is named.
 */
export function clientOf(config: KubeConfig): KubernetesClient {
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new Error(NAMED_NOWHERE);
  return {
    async get(path, signal) {
      const url = new URL(server.replace(/\/+$/, '') + path);
      const options: RequestOptions = { signal, headers: { accept: 'application/json' } };
      await config.applyToHTTPSOptions(options);
      const request = (url.protocol === 'http:' ? http : https).get(url, options);
      request.setSocketKeepAlive(true, KEEP_ALIVE_MS);
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      // An abort after the answer has begun is told by the body.
      request.on('error', () => undefined);
      if (response.statusCode !== 200) throw await refusal(response);
      return response.setEncoding('utf8');
    },
  };
}

/** With the server's own words: it says what is missing or forbidden. */
async function refusal(response: IncomingMessage): Promise<RefusedByServer> {
  const status = response.statusCode ?? 0;
  const body = await readStart(response);
  return new RefusedByServer(status, messageIn(body) ?? `${status} ${response.statusMessage ?? ''}`.trim());
}

async function readStart(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_REASON_BYTES) break;
  }
  return text;
}

function messageIn(body: string): string | undefined {
  try {
    const { message } = JSON.parse(body);
    return typeof message === 'string' && message !== '' ? message : undefined;
  } catch {
    return undefined;
  }
}
