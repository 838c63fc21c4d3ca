import { CONFIG_SCHEMA, configHelp } from '../config.js';
import { messageOf } from '../errors.js';
import { readArguments } from './arguments.js';
import type { Command } from './command.js';
import { modelUri } from './model-argument.js';
import { UsageError } from './outcome.js';

/** The service, in this process: what ends it and how is its own. */
export const serveCommand: Command = {
  name: 'serve',
  usage: '[MODEL] [--port N] [--host ADDRESS]',
  summary: 'serves a model over HTTP',
  details: `MODEL            as MODEL_URI, or the name of a model that comes with this package (digits, the default)
--port N         as PORT
--host ADDRESS   as HOST

${configHelp()}`,
  async run(args, { env }) {
    const { values, positionals } = readArguments(
      args,
      { port: { type: 'string' }, host: { type: 'string' } },
      1,
    );
    const [model] = positionals;
    const typed = {
      ...(model !== undefined && { MODEL_URI: modelUri(model) }),
      ...(values.port !== undefined && { PORT: checkPort(values.port) }),
      ...(values.host !== undefined && { HOST: values.host }),
    };
    const { serve } = await import('../serve.js');
    return serve({ ...env, ...typed });
  },
};

function checkPort(port: string): string {
  try {
    CONFIG_SCHEMA.PORT.parse(port);
    return port;
  } catch (error) {
    throw new UsageError(`--port ${messageOf(error)}: ${JSON.stringify(port)}`);
  }
}
