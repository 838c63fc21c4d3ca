import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.js';
import type { Logger } from '../telemetry/logging.js';
import { Capture, type CaptureMetrics } from './capture.js';
import { FolderStore } from './folder-store.js';
import { S3Store } from './s3-store.js';
import type { Store } from './store.js';

/** As it is configured; undefined where it is off. Whether the storage is there shows when it is first written to. */
export function openCapture(config: Config, metrics: CaptureMetrics, logger: Logger): Capture | undefined {
  const { captureTo, captureShare, captureUncertainBelow, captureUncertainPerMinute } = config;
  if (captureTo === undefined) return undefined;
  return new Capture({
    store: openStore(captureTo, config, logger),
    share: captureShare,
    uncertainBelow: captureUncertainBelow,
    uncertainPerMinute: captureUncertainPerMinute,
    metrics,
    logger,
  });
}

function openStore(place: string, config: Config, logger: Logger): Store {
  if (/^s3:/i.test(place)) {
    return new S3Store(place, {
      endpoint: config.awsEndpointUrlS3,
      forcePathStyle: config.s3ForcePathStyle,
    });
  }
  return new FolderStore({
    folder: resolve(place.startsWith('file://') ? fileURLToPath(place) : place),
    maxBytes: config.captureMaxBytes,
    maxAgeDays: config.captureMaxAgeDays,
    onFailure: (error) => logger.warn({ err: error }, 'the capture folder cannot be looked through'),
  });
}
