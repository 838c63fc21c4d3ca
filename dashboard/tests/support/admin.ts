import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import type { KubernetesObject } from '../../kubernetes/object.js';
import type { ApiServerAccess } from './global-setup.js';

/** An object to be made, of the kind that its collection has. */
export type NewObject = Omit<KubernetesObject, 'metadata'> & {
  readonly metadata: { readonly name: string } & Record<string, unknown>;
} & Record<string, unknown>;

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Whatever changes the cluster, as a controller or a person does. */
export class Admin {
  readonly #access: ApiServerAccess;
  readonly #agent = new https.Agent({ keepAlive: true, maxSockets: 8 });

  constructor(access: ApiServerAccess) {
    this.#access = access;
  }

  /** @param collection such as `/api/v1/namespaces/default/pods` */
  create(collection: string, object: NewObject): Promise<Answer> {
    return this.#succeed('POST', collection, object, 'application/json');
  }

  /** Merges into the object, its status with `/status` at the end of the path. */
  patch(path: string, patch: unknown): Promise<Answer> {
    return this.#succeed('PATCH', path, patch, 'application/merge-patch+json');
  }

  delete(path: string): Promise<Answer> {
    return this.#succeed('DELETE', path, { gracePeriodSeconds: 0 }, 'application/json');
  }

  /** Makes etcd forget how everything came to be as it is now: versions from before are expired. */
  async forgetThePast(): Promise<void> {
    const { body } = await this.request('GET', '/api/v1/namespaces');
    const { resourceVersion } = body['metadata'] as { readonly resourceVersion: string };
    const answer = await fetch(`${this.#access.etcdUrl}/v3/kv/compaction`, {
      method: 'POST',
      body: JSON.stringify({ revision: resourceVersion, physical: true }),
    });
    if (!answer.ok) throw new Error(`compaction: ${await answer.text()}`);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Like the others, but whatever the answer is. */
  async request(
    method: string,
    path: string,
    body: unknown = undefined,
    { type = 'application/json', token = this.#access.adminToken } = {},
  ): Promise<Answer> {
    const { url, certificate } = this.#access;
    const bytes = body === undefined ? '' : JSON.stringify(body);
    const request = https.request(url + path, {
      method,
      ca: certificate,
      agent: this.#agent,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': type,
        'content-length': Buffer.byteLength(bytes),
      },
    });
    request.end(bytes);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk;
    return { status: response.statusCode ?? 0, body: text.startsWith('{') ? JSON.parse(text) : { text } };
  }

  async #succeed(method: string, path: string, body: unknown, type: string): Promise<Answer> {
    const answer = await this.request(method, path, body, { type });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer;
  }
}
