import type { Config } from '../../config.js';
import { readCpuBudget, readMemoryBudget, uvThreads } from '../../machine.js';
import { loadModel } from '../../serving/load-model.js';
import type { ServingModel } from '../../serving/serving-model.js';
import { limitProcess, type ProcessLimits } from '../../sizing.js';
import { LogSink } from '../../telemetry/log-sink.js';
import { createLogger } from '../../telemetry/logging.js';
import { Metrics } from '../../telemetry/metrics.js';
import type { Terminal } from '../command.js';

const MAX_KEPT_LENGTH = 1024 * 1024;

export interface OfflineModel {
  readonly model: ServingModel;
  readonly limits: ProcessLimits;
}

/** A model that is loaded, warmed and checked as the service does it, on all cores, without the service around it. */
export async function loadOffline(config: Config, terminal: Terminal): Promise<OfflineModel> {
  const machine = {
    cores: readCpuBudget().cores,
    memoryBytes: readMemoryBudget(),
    uvThreads: uvThreads(terminal.env['UV_THREADPOOL_SIZE']),
  };
  const limits = limitProcess(machine, config);
  const logger = await stderrLogger(config, terminal);
  const options = { config, logger, machine, limits, metrics: new Metrics() };
  return { model: await loadModel(options, terminal.signal), limits };
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
