import { chmod, copyFile, mkdir, readdir, readFile, rename, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../service/cli/outcome.js';
import { sha256Of } from '../service/model/digest.js';
import type { Processor } from '../service/processor.js';
import { goldenAnew } from './golden.js';
import { ownFolder } from './own-folder.js';
import { type OptimizeReport, pageOf } from './report.js';
import type { GoldenImage, Subject } from './subject.js';
import type { Tried } from './trial.js';

export interface Output {
  readonly subject: Subject;
  readonly kept: Tried;
  readonly golden: readonly GoldenImage[];
  readonly tools: Readonly<Record<string, string>>;
  readonly processor: Processor;
  readonly report: OptimizeReport;
}

/** Throws UsageError where there is something already. */
export async function checkOut(out: string): Promise<void> {
  const entries = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new UsageError(`--out ${out}: ${error.message}`);
  });
  if (entries.length > 0) throw new UsageError(`--out ${out} is not empty`);
}

/**
 * The model's folder, whole or not at all.
 * @param check starts the model in a folder as the service would; throws where it would not serve
 */
export async function writeFolder(
  out: string,
  output: Output,
  check: (folder: string) => Promise<void>,
): Promise<void> {
  const path = resolve(out);
  await mkdir(dirname(path), { recursive: true });
  const own = await ownFolder(join(dirname(path), `.${basename(path)}-`));
  try {
    await fill(own.path, output);
    await check(own.path);
    await chmod(own.path, 0o755);
    await rmdir(path).catch(() => undefined);
    await rename(own.path, path);
  } finally {
    own.remove();
  }
}

async function fill(folder: string, output: Output): Promise<void> {
  const { kept, golden, report } = output;
  const model = join(folder, 'model.onnx');
  await copyFile(kept.made.file, model);
  for (const { file, path } of golden) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await copyFile(path, join(folder, file));
  }
  const manifest = manifestOf(output, sha256Of(await readFile(model)));
  await writeFile(join(folder, 'model.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  await writeFile(join(folder, 'optimize.html'), pageOf(report));
}

/** Figures of the original's evaluation are not its own: what is known of it is in `optimized`. */
function manifestOf({ subject, kept, golden, tools, processor, report }: Output, sha256: string): object {
  const { task, manifest, digest } = subject.spec;
  const { metrics: _, reference, schema_version, name, version, ...words } = manifest;
  const { loss, speedup, speedupInterval, ms, memoryBytes } = kept;
  return {
    schema_version,
    name,
    version: `${version.slice(0, 60)}-${kept.name}`,
    ...words,
    file: 'model.onnx',
    sha256,
    golden: golden.map(({ file }, index) =>
      goldenAnew(task.name, subject.manifest.golden ?? [], file, kept.goldenAnswers[index] ?? {}),
    ),
    ...(reference !== undefined && { reference }),
    optimized: {
      from: digest,
      settings: { candidate: kept.name, ...kept.settings },
      tools: { ...tools, 'onnxruntime-node': report.runtime, node: report.node },
      processor,
      proof: {
        date: report.date,
        measure: report.measure,
        against: report.against,
        loss_points: loss,
        speedup: {
          times: speedup,
          ...speedupInterval,
          ms_per_image: ms,
          original_ms_per_image: report.original.ms,
        },
        memory_bytes: { optimized: memoryBytes, original: report.original.memoryBytes },
      },
    },
  };
}
