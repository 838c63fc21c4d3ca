import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { FileWindow, MalformedFile } from './file-window.js';
import { FieldBudget, fieldsOf, type ProtobufField } from './protobuf-fields.js';

/** What an ONNX file says of itself that ONNX Runtime does not pass on. */
export interface OnnxMetadata {
  /** metadata_props: what exporters write down, by their keys. */
  readonly properties: ReadonlyMap<string, string>;
  /** The other files that hold weights, as the file names them, each once. */
  readonly externalData: readonly string[];
  /** The operation that each of the graph's outputs comes from. */
  readonly lastOperations: ReadonlyMap<string, string>;
}

/** Fields of onnx.proto3 of the ONNX project. */
const MODEL = { graph: 7, metadata: 14 } as const;
const GRAPH = { node: 1, initializer: 5, output: 12 } as const;
const NODE = { output: 2, operation: 4 } as const;
const TENSOR = { externalData: 13 } as const;
const ENTRY = { key: 1, value: 2 } as const;
const VALUE_INFO = { name: 1 } as const;

/** A graph of 50,000 nodes has about half a million. */
const MAX_FIELDS = 1_000_000;
const MAX_PROPERTIES = 1000;
/** The names of 10,000 classes take half of that. */
const MAX_PROPERTY_BYTES = 1024 * 1024;
const MAX_NAME_BYTES = 4096;
const MAX_EXTERNAL_FILES = 1000;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads what lies around the weights, never these. Where the file is damaged, what was found until there: ONNX Runtime
 * judges files.
 */
export async function readOnnxMetadata(path: string): Promise<OnnxMetadata> {
  // Without waiting: a FIFO would have the start hang.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    const scanner = new Scanner(new FileWindow(file, stats.isFile() ? stats.size : 0));
    await scanner.scan().catch((error: unknown) => {
      if (!(error instanceof MalformedFile)) throw error;
    });
    return scanner.found();
  } finally {
    await file.close();
  }
}

class Scanner {
  readonly #window: FileWindow;
  readonly #budget = new FieldBudget(MAX_FIELDS);
  readonly #properties = new Map<string, string>();
  readonly #externalData = new Set<string>();
  readonly #operations = new Map<string, string>();
  readonly #outputs: string[] = [];

  constructor(window: FileWindow) {
    this.#window = window;
  }

  async scan(): Promise<void> {
    // The graph last: it is the long part, and where it is damaged the properties behind it are still worth having.
    const graphs: ProtobufField[] = [];
    for await (const field of this.#fields({ from: 0, to: this.#window.size })) {
      if (field.number === MODEL.metadata && field.hasLength) await this.#property(field);
      if (field.number === MODEL.graph && field.hasLength) graphs.push(field);
    }
    for (const graph of graphs) await this.#graph(graph);
  }

  found(): OnnxMetadata {
    const known = this.#outputs.flatMap((name) => {
      const operation = this.#operations.get(name);
      return operation === undefined ? [] : [[name, operation] as const];
    });
    return {
      properties: this.#properties,
      externalData: [...this.#externalData],
      lastOperations: new Map(known),
    };
  }

  #fields({ from, to }: Pick<ProtobufField, 'from' | 'to'>): AsyncGenerator<ProtobufField> {
    return fieldsOf(this.#window, this.#budget, from, to);
  }

  async #property(field: ProtobufField): Promise<void> {
    if (this.#properties.size >= MAX_PROPERTIES) return;
    const { key, value } = await this.#entry(field);
    if (key !== undefined && value !== undefined) this.#properties.set(key, value);
  }

  async #entry(entry: ProtobufField): Promise<{ key: string | undefined; value: string | undefined }> {
    let key: string | undefined;
    let value: string | undefined;
    for await (const field of this.#fields(entry)) {
      if (field.number === ENTRY.key) key = await this.#text(field, MAX_NAME_BYTES);
      if (field.number === ENTRY.value) value = await this.#text(field, MAX_PROPERTY_BYTES);
    }
    return { key, value };
  }

  async #graph(graph: ProtobufField): Promise<void> {
    for await (const field of this.#fields(graph)) {
      if (!field.hasLength) continue;
      if (field.number === GRAPH.node) await this.#node(field);
      if (field.number === GRAPH.initializer) await this.#tensor(field);
      if (field.number === GRAPH.output) await this.#output(field);
    }
  }

  async #node(node: ProtobufField): Promise<void> {
    const outputs: string[] = [];
    let operation: string | undefined;
    for await (const field of this.#fields(node)) {
      if (field.number === NODE.output) outputs.push((await this.#text(field, MAX_NAME_BYTES)) ?? '');
      if (field.number === NODE.operation) operation = await this.#text(field, MAX_NAME_BYTES);
    }
    if (operation === undefined) return;
    for (const output of outputs) this.#operations.set(output, operation);
  }

  async #tensor(tensor: ProtobufField): Promise<void> {
    for await (const field of this.#fields(tensor)) {
      if (field.number !== TENSOR.externalData || !field.hasLength) continue;
      const { key, value } = await this.#entry(field);
      const isNew = key === 'location' && value !== undefined && this.#externalData.size < MAX_EXTERNAL_FILES;
      if (isNew) this.#externalData.add(value);
    }
  }

  async #output(output: ProtobufField): Promise<void> {
    for await (const field of this.#fields(output)) {
      const name = field.number === VALUE_INFO.name ? await this.#text(field, MAX_NAME_BYTES) : undefined;
      if (name !== undefined) this.#outputs.push(name);
    }
  }

  /** Undefined where it is longer than that, or no text. */
  async #text({ from, to, hasLength }: ProtobufField, maxBytes: number): Promise<string | undefined> {
    if (!hasLength || to - from > maxBytes) return undefined;
    try {
      return utf8.decode(await this.#window.read(from, to - from));
    } catch (error) {
      if (error instanceof MalformedFile) throw error;
      return undefined;
    }
  }
}
