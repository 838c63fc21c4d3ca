/** An alert as Alertmanager sends it. */
export function alertOf(labels: Readonly<Record<string, string>> = {}, changes: object = {}) {
  return {
    status: 'firing',
    labels: {
      alertname: 'CvInferenceModelDrift',
      action: 'retrain',
      model: 'digits',
      namespace: 'cv-inference',
      severity: 'warning',
      ...labels,
    },
    annotations: { summary: 'What the cameras send has drifted' },
    startsAt: '2026-11-22T10:00:00Z',
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: 'http://prometheus/graph',
    fingerprint: '0123456789abcdef',
    ...changes,
  };
}

/** A webhook's body of version 4, with all of its fields. */
export function notificationOf(alerts: readonly object[] = [alertOf()], changes: object = {}) {
  return {
    version: '4',
    groupKey: '{}/{action="retrain"}:{model="digits", namespace="cv-inference"}',
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'retrain',
    groupLabels: { model: 'digits', namespace: 'cv-inference' },
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://alertmanager',
    alerts,
    ...changes,
  };
}
