import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect } from 'vitest';
import { bytesOf, type Message, messages, numberOf, readMessage } from './protobuf.js';

/** A span as it went over the wire, whichever way it was encoded. Ids are hex, times nanoseconds since 1970. */
export interface ReceivedSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where there is none. */
  readonly parentSpanId: string;
  readonly startedAt: bigint;
  readonly endedAt: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Of the spans that it is linked to. */
  readonly links: readonly string[];
  readonly isError: boolean;
  /** Attributes of the service that it came from. */
  readonly resource: Readonly<Record<string, unknown>>;
}

/** What it does with requests: takes them, answers with a status, or never answers. */
type Behaviour = 'takes' | 'hangs' | number;

/** The traces part of an OpenTelemetry collector: OTLP over HTTP, protobuf and JSON. */
export class OtlpCollector {
  readonly spans: ReceivedSpan[] = [];
  readonly requests: { readonly path: string; readonly type: string; readonly headers: object }[] = [];
  readonly #server = createServer((request, response) => void this.#receive(request, response));
  readonly #behaviour: Behaviour;

  private constructor(behaviour: Behaviour) {
    this.#behaviour = behaviour;
  }

  static async start(behaviour: Behaviour = 'takes'): Promise<OtlpCollector> {
    const collector = new OtlpCollector(behaviour);
    await once(collector.#server.listen(0, '127.0.0.1'), 'listening');
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** The spans of a trace, once there is the one of the request itself, which comes last. */
  async trace(traceId: string): Promise<readonly ReceivedSpan[]> {
    const found = (): ReceivedSpan[] => this.spans.filter((span) => span.traceId === traceId);
    await expect.poll(() => found().some(({ kind }) => kind === SERVER), { timeout: 10_000 }).toBe(true);
    return found();
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const { url: path = '', headers } = request;
    const type = headers['content-type'] ?? '';
    this.requests.push({ path, type, headers });
    if (this.#behaviour === 'hangs') return;
    if (this.#behaviour !== 'takes') return void response.writeHead(this.#behaviour).end();
    const isJson = type === 'application/json';
    this.spans.push(
      ...(isJson ? spansOfJson(JSON.parse(body.toString())) : spansOfProtobuf(readMessage(body))),
    );
    response.writeHead(200, { 'content-type': type }).end(isJson ? '{}' : '');
  }
}

const SERVER = 2;
const ERROR = 2;

/** Fields of opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest, and of what it holds. */
function spansOfProtobuf(request: Message): ReceivedSpan[] {
  return messages(request, 1).flatMap((resourceSpans) => {
    const resource = attributesOf(messages(resourceSpans, 1)[0], 1);
    const spans = messages(resourceSpans, 2).flatMap((scopeSpans) => messages(scopeSpans, 2));
    return spans.map((span) => ({
      traceId: bytesOf(span, 1).toString('hex'),
      spanId: bytesOf(span, 2).toString('hex'),
      parentSpanId: bytesOf(span, 4).toString('hex'),
      name: bytesOf(span, 5).toString(),
      kind: Number(numberOf(span, 6)),
      startedAt: numberOf(span, 7),
      endedAt: numberOf(span, 8),
      attributes: attributesOf(span, 9),
      links: messages(span, 13).map((link) => bytesOf(link, 2).toString('hex')),
      isError: numberOf(messages(span, 15)[0], 3) === BigInt(ERROR),
      resource,
    }));
  });
}

/** Of KeyValue messages: strings and whole numbers, the only ones that this service sends. */
function attributesOf(message: Message | undefined, field: number): Record<string, unknown> {
  const pairs = message === undefined ? [] : messages(message, field);
  return Object.fromEntries(
    pairs.map((pair) => {
      const [value] = messages(pair, 2);
      const text = value?.has(1) === true;
      return [bytesOf(pair, 1).toString(), text ? bytesOf(value, 1).toString() : Number(numberOf(value, 3))];
    }),
  );
}

interface JsonAttribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface JsonSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly JsonAttribute[];
  readonly links: readonly { readonly spanId: string }[];
  readonly status: { readonly code?: number };
}

interface JsonRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly JsonAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly JsonSpan[] }[];
  }[];
}

function spansOfJson({ resourceSpans }: JsonRequest): ReceivedSpan[] {
  const plain = (attributes: readonly JsonAttribute[]): Record<string, unknown> =>
    Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap(({ spans }) => spans)
      .map(({ startTimeUnixNano, endTimeUnixNano, attributes, links, status, ...span }) => ({
        ...span,
        parentSpanId: span.parentSpanId ?? '',
        startedAt: BigInt(startTimeUnixNano),
        endedAt: BigInt(endTimeUnixNano),
        attributes: plain(attributes),
        links: links.map(({ spanId }) => spanId),
        isError: status.code === ERROR,
        resource: plain(resource.attributes),
      })),
  );
}
