import type { RunPlan } from '../inference/runner.js';
import type { InputSpec } from '../preprocess/image.js';
import type { Task } from '../tasks/task.js';
import type { Manifest } from './manifest.js';

/** A manifest with nothing left to be derived; without what it says of files. */
export type ResolvedManifest = Omit<
  Manifest,
  '$schema' | 'file' | 'external_data' | 'sha256' | 'golden' | 'input' | 'output' | 'task'
> & {
  readonly task: string;
  readonly input: object;
  readonly output: object;
};

/** What the manifest says, and what it left to be derived, in its own words: another one with these words means the same. */
export function resolvedManifest(
  given: Manifest,
  { task, plan }: { readonly task: Task; readonly plan: RunPlan },
): ResolvedManifest {
  const { $schema: _, file: _file, external_data: _data, sha256: _sha256, golden: _golden, ...words } = given;
  return {
    ...words,
    task: task.name,
    input: { name: plan.inputName, ...inputWords(plan.input) },
    output: task.describe(plan.task.spec),
  };
}

/** Without width and height where each image has its own. */
function inputWords(input: InputSpec): object {
  const { resize, layout, type, width, height, channels, accuracy, scale, mean, std } = input;
  const size = resize.rule === 'fit' ? {} : { width, height };
  return { layout, type, ...size, channels, resize: resizeWords(resize), accuracy, scale, mean, std };
}

function resizeWords(resize: InputSpec['resize']): object {
  const { rule, filter, shortestEdge, longestEdge, multipleOf, stretchTo, padValue, position } = resize;
  const isPlaced = rule === 'letterbox' || position === 'center-floor';
  return {
    rule,
    filter,
    ...((rule === 'cover' || rule === 'fit') && { shortest_edge: shortestEdge }),
    ...(longestEdge !== undefined && { longest_edge: longestEdge }),
    ...(multipleOf !== undefined && { multiple_of: multipleOf }),
    ...(stretchTo !== undefined && { stretch_to: stretchTo }),
    ...(rule === 'letterbox' && { pad_value: padValue }),
    ...(isPlaced && { position }),
  };
}
