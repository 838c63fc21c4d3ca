import type { Command } from './command.js';
import { EXIT_CODES } from './outcome.js';

/** What a model's training pictures are like, by the eyes of the service. */
export const referenceCommand: Command = {
  name: 'reference',
  usage: 'MODEL IMAGES... [--write]',
  summary: "counts statistics of training pictures, the `reference` of a model's model.json",
  details: `MODEL      as in predict
IMAGES     files, folders (with all below, by file extension) and s3://bucket/prefix: pictures as the model was trained on,
           some thousands of them
--write    puts it into the model.json beside the model, in place of what is there; only for models on this machine.
           Default: JSON to standard output

Pictures are decoded, resized and answered as the service does it, and counted into the buckets of its metrics: training and
production cannot differ. Settings of the service that apply are taken from the environment.

Exit codes: ${EXIT_CODES.done} all pictures were counted; ${EXIT_CODES.failedImages} some could not be answered, the reference is of the others; \
${EXIT_CODES.usage} what was typed cannot
be understood; ${EXIT_CODES.cannotGoOn} no model, no picture that can be answered, or the like; ${EXIT_CODES.stopped} ended by a signal.
`,
  async run(args, terminal) {
    const { reference } = await import('./reference/reference.js');
    return reference(args, terminal);
  },
};
