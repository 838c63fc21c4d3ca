import type { Command } from './command.js';
import { EXIT_CODES } from './outcome.js';

/** Answers to many images at once, without HTTP. */
export const predictCommand: Command = {
  name: 'predict',
  usage: 'MODEL IMAGES... [--out FILE] [flags of the model]',
  summary: 'answers images in files, folders and buckets, on all cores',
  details: `MODEL                a path, file://, s3://, hf:// or https:// as in MODEL_URI, or the name of a model that comes with
                     this package, such as digits; - is what MODEL_URI says, or the default model
IMAGES               files, folders (with all below, by file extension) and s3://bucket/prefix
--out FILE           where answers go: FILE.csv as CSV, anything else as JSON lines, s3://bucket/prefix/ as one object
                     when all is done. Default: JSON lines to standard output
--annotated FOLDER   also the images with their answers drawn on them, in the folders that they are in
--shard INDEX/COUNT  answers only one of COUNT parts, counted from 0; FILE becomes FILE-INDEX-of-COUNT
--ignore-failed      exit code 0 although images failed
--top-k, --threshold and whatever else the model takes in the query of POST /predict, with a value each

Answers are those of POST /predict, a line for each image with the name of its file, written as they come. Settings of the
service that apply: IMAGE_FORMATS, MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, WORKERS, AWS_ENDPOINT_URL_S3 and the like, from
the environment.

A second run with the same --out goes on where the first one ended. Ctrl-C answers what was begun, then ends.

Exit codes: ${EXIT_CODES.done} all images were answered; ${EXIT_CODES.failedImages} some failed, their lines say why; \
${EXIT_CODES.usage} what was typed cannot be understood;
${EXIT_CODES.cannotGoOn} no model, no room to write to, or the like; ${EXIT_CODES.stopped} ended by a signal before the end.
`,
  async run(args, terminal) {
    const { predict } = await import('./predict/predict.js');
    return predict(args, terminal);
  },
};
