import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { messageOf } from '../errors.js';
import { engineWords } from '../inference/engine-words.js';
import { createSession, type Session } from '../inference/session.js';
import { randomSource } from './random-source.js';
import { median, quantile } from './statistics.js';

/**
 * The bare loop of session.run on a GPU, for batches of 1, 8 and 32, and how far its outputs are from the CPU's:
 * `npm run build && node dist/service/bench/provider.js MODEL.onnx`. `--provider cpu` tries the bench itself.
 */
const BATCHES = [1, 8, 32];
const WARM_UP_RUNS = 5;
const LOOP_MS = 3000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { provider: { type: 'string', default: 'cuda' } },
});
const [modelPath = 'service/models/digits/model.onnx'] = positionals;

/** Runs one batch of the same noise each time; its outputs, one after the other. */
type Run = () => Promise<Float64Array>;

const load = (provider: string): Promise<Session> =>
  createSession({ modelPath, executionProviders: [provider], intraOpThreads: 1 });

function runOf(session: Session, batch: number): Run {
  const [input] = session.engine.inputs;
  if (input?.type !== 'float32') throw new Error(`${modelPath} takes no float32`);
  const shape = [batch, ...input.shape.slice(1).map((size) => (size > 0 ? size : 224))];
  const data = Float32Array.from(
    { length: shape.reduce((product, size) => product * size, 1) },
    randomSource(1),
  );
  const names = session.engine.outputs.map(({ name }) => name);
  return async () => {
    const outputs = await session.run(input.name, data, shape, names);
    return Float64Array.from(
      [...outputs.values()].flatMap((output) =>
        Array.from(output.data as ArrayLike<number | bigint>, Number),
      ),
    );
  };
}

/** Milliseconds of each run. */
async function loop(run: Run): Promise<Float64Array> {
  for (let warm = 0; warm < WARM_UP_RUNS; warm++) await run();
  const times: number[] = [];
  for (const end = performance.now() + LOOP_MS; performance.now() < end; ) {
    const startedAt = performance.now();
    await run();
    times.push(performance.now() - startedAt);
  }
  return Float64Array.from(times);
}

function farthest(one: Float64Array, other: Float64Array): number {
  if (one.length !== other.length) throw new Error(`${one.length} values against ${other.length}`);
  return one.reduce(
    (most, value, index) => Math.max(most, Math.abs(value - (other[index] ?? Number.NaN))),
    0,
  );
}

const session = await load(values.provider).catch((error: unknown) => {
  console.log(`not measured: ${values.provider} cannot be used here: ${engineWords(messageOf(error))}`);
});
if (session !== undefined) {
  const reference = await load('cpu');
  const [fixed = -1] = session.engine.inputs[0]?.shape ?? [];
  for (const batch of fixed > 0 ? [fixed] : BATCHES) {
    const run = runOf(session, batch);
    const distance = farthest(await run(), await runOf(reference, batch)());
    const times = await loop(run);
    console.log(
      `${values.provider}, batch ${batch}: ${((1000 * batch) / median(times)).toFixed(1)} images/s, ` +
        `p99 ${quantile(times, 0.99).toFixed(2)} ms a run, at most ${distance.toExponential(1)} from the CPU's outputs`,
    );
  }
}
