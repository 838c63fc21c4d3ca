import type { Config } from '../../config.js';
import { loadModel } from '../../serving/load-model.js';
import type { ServingModel } from '../../serving/serving-model.js';
import { chooseSizing, readCpuBudget, readMemoryBudget, type Sizing, uvThreads } from '../../sizing.js';
import { LogSink } from '../../telemetry/log-sink.js';
import { createLogger } from '../../telemetry/logging.js';
import { Metrics } from '../../telemetry/metrics.js';
import type { Terminal } from '../command.js';

const MAX_KEPT_LENGTH = 1024 * 1024;

export interface OfflineModel {
  readonly model: ServingModel;
  readonly sizing: Sizing;
}

/** A model that is loaded, warmed and checked as the service does it, on all cores, without the service around it. */
export async function loadOffline(config: Config, terminal: Terminal): Promise<OfflineModel> {
  let sizing = sizeFor(config, terminal, config.executionProviders[0] ?? 'cpu');
  const model = await loadModel(
    {
      config,
      logger: await stderrLogger(config, terminal),
      sizing,
      metrics: new Metrics(),
      resizeFor: (provider) => {
        sizing = sizeFor(config, terminal, provider);
        return sizing;
      },
    },
    terminal.signal,
  );
  return { model, sizing };
}

function sizeFor(config: Config, { env }: Terminal, provider: string): Sizing {
  const { cores } = readCpuBudget();
  const resources = {
    cores,
    memoryBytes: readMemoryBudget(),
    usesGpu: provider !== 'cpu',
    uvThreads: uvThreads(env['UV_THREADPOOL_SIZE']),
  };
  return chooseSizing(resources, config);
}

/** What goes well needs no line beside the progress, unless LOG_LEVEL asks for it. */
function stderrLogger({ logLevel, logFormat }: Config, { env, stderr }: Terminal) {
  const output = {
    write(bytes: Uint8Array) {
      stderr.write(bytes);
      return bytes.length;
    },
  };
  const isAsked = (env['LOG_LEVEL'] ?? '').trim() !== '';
  const format = logFormat === 'auto' && stderr.isTTY === true ? 'pretty' : logFormat;
  return createLogger({ level: isAsked ? logLevel : 'warn', format }, new LogSink(output, MAX_KEPT_LENGTH));
}
