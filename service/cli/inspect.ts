import type { Command } from './command.js';
import { EXIT_CODES } from './outcome.js';

/** What is known of a model, and where from. */
export const inspectCommand: Command = {
  name: 'inspect',
  usage: 'MODEL [IMAGE] [--write]',
  summary: 'says what is known of a model and where from, and writes its model.json',
  details: `MODEL      a path, file://, s3://, hf:// or https:// as in MODEL_URI, or the name of a model that comes with this package
IMAGE      a file that the model is to answer, as the service would
--write    puts what is known into a model.json beside the model, which then starts with nothing left to derive; only for
           models on this machine, and never over a model.json that is there

Without IMAGE it shows what an answer looks like, with values made up. Settings of the service that apply are taken from the
environment.

Exit codes: ${EXIT_CODES.done} all is known that is needed; ${EXIT_CODES.usage} what was typed cannot be understood; \
${EXIT_CODES.cannotGoOn} the model cannot be served,
or model.json cannot be written, and why; ${EXIT_CODES.stopped} ended by a signal.
`,
  async run(args, terminal) {
    const { inspect } = await import('./inspect/inspect.js');
    return inspect(args, terminal);
  },
};
