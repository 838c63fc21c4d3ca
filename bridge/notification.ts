import type { Static } from 'typebox';
import { compile, Type } from '../service/json-schema.js';

const TEXTS = Type.Record(Type.String(), Type.String());

/** What Alertmanager sends to a webhook (version 4), as far as it is read. */
const NOTIFICATION = Type.Object({
  version: Type.Literal('4'),
  groupKey: Type.String({ minLength: 1, maxLength: 10_000 }),
  alerts: Type.Array(
    Type.Object({
      status: Type.Union([Type.Literal('firing'), Type.Literal('resolved')]),
      labels: TEXTS,
      annotations: TEXTS,
      startsAt: Type.String({ maxLength: 64 }),
    }),
    { maxItems: 1000 },
  ),
});

export type Notification = Static<typeof NOTIFICATION>;
type Alert = Notification['alerts'][number];

const validator = compile(NOTIFICATION);

/** The body as a notification, or undefined where it is none. */
export function readNotification(body: unknown): Notification | undefined {
  return validator.Check(body) ? body : undefined;
}

/** A training that a notification asks for: one for each model. */
export interface TrainingRequest {
  readonly model: string;
  readonly namespace: string;
  readonly groupKey: string;
  readonly alerts: readonly AlertSummary[];
  /** Of the alert that has lasted longest, ISO 8601. */
  readonly startedAt: string;
}

export interface AlertSummary {
  readonly name: string;
  readonly feature?: string;
  readonly summary?: string;
}

/** As in model.json. */
const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** GitHub takes payloads up to 64 KiB. */
const MAX_SUMMARIES = 10;
const MAX_TEXT_LENGTH = 200;
/** Models that one notification may ask for; the rest is left to the next one. */
const MAX_MODELS = 10;

/**
 * The trainings that firing alerts with the label `action: retrain` ask for, and how many of these are not taken because
 * their label `model` is no name of a model.
 */
export function trainingsAskedFor(notification: Notification): {
  readonly requests: readonly TrainingRequest[];
  readonly unnamed: number;
} {
  const asking = notification.alerts.filter(
    ({ status, labels }) => status === 'firing' && labels['action'] === 'retrain',
  );
  const named = asking.filter(({ labels }) => MODEL_NAME.test(labels['model'] ?? ''));
  const models = [...new Set(named.map(({ labels }) => labels['model'] ?? ''))].slice(0, MAX_MODELS);
  return {
    requests: models.map((model) =>
      requestOf(
        model,
        notification.groupKey,
        named.filter(({ labels }) => labels['model'] === model),
      ),
    ),
    unnamed: asking.length - named.length,
  };
}

function requestOf(model: string, groupKey: string, alerts: readonly Alert[]): TrainingRequest {
  return {
    model,
    namespace: shorten(alerts.find(({ labels }) => labels['namespace'])?.labels['namespace'] ?? ''),
    groupKey,
    alerts: alerts.slice(0, MAX_SUMMARIES).map(summaryOf),
    startedAt: alerts.map(({ startsAt }) => startsAt).sort()[0] ?? '',
  };
}

function summaryOf({ labels, annotations }: Alert): AlertSummary {
  const { alertname = '', feature } = labels;
  const { summary } = annotations;
  return {
    name: shorten(alertname),
    ...(feature !== undefined && { feature: shorten(feature) }),
    ...(summary !== undefined && { summary: shorten(summary) }),
  };
}

function shorten(text: string): string {
  return text.slice(0, MAX_TEXT_LENGTH);
}
