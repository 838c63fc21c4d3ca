import type { NewObject } from './admin.js';

export const PODS = '/api/v1/namespaces/cv-inference/pods';
export const AUTOSCALERS = '/apis/autoscaling/v2/namespaces/cv-inference/horizontalpodautoscalers';
export const ROLLOUTS = '/apis/argoproj.io/v1alpha1/namespaces/cv-inference/rollouts';
export const ANALYSES = '/apis/argoproj.io/v1alpha1/namespaces/cv-inference/analysisruns';
export const APPLICATIONS = '/apis/argoproj.io/v1alpha1/namespaces/argocd/applications';

export function pod(name: string, labels: Readonly<Record<string, string>> = {}): NewObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { 'app.kubernetes.io/name': 'cv-inference', ...labels } },
    spec: { containers: [{ name: 'cv-inference', image: 'cv-inference:1.2.3' }] },
  };
}

export function podReady(restartCount = 0): unknown {
  return {
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [
        {
          name: 'cv-inference',
          image: 'cv-inference:1.2.3',
          imageID: '',
          ready: true,
          restartCount,
          state: { running: {} },
        },
      ],
    },
  };
}

export function application(name: string): NewObject {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name },
    spec: {
      project: 'cv-inference',
      source: { repoURL: 'https://example.com/it', path: 'k8s/overlays/production' },
      destination: { server: 'https://kubernetes.default.svc', namespace: 'cv-inference' },
    },
  };
}

export function rollout(name: string): NewObject {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Rollout',
    metadata: { name },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'cv-inference', image: 'cv-inference' }] },
      },
      strategy: {
        canary: {
          steps: [{ setWeight: 20 }, { analysis: { templates: [{ templateName: 'cv-inference' }] } }],
        },
      },
    },
  };
}

export function analysis(name: string, ofRollout: string, version: string): NewObject {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'AnalysisRun',
    metadata: {
      name,
      labels: { 'rollouts-pod-template-hash': version },
      ownerReferences: [
        { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: ofRollout, uid: 'it', controller: true },
      ],
    },
    spec: {
      metrics: [
        {
          name: 'error-rate',
          provider: { prometheus: { address: 'http://prometheus', query: 'up' } },
        },
      ],
    },
  };
}

export function autoscaler(name: string): NewObject {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name },
    spec: {
      scaleTargetRef: { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name },
      minReplicas: 2,
      maxReplicas: 10,
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } },
        },
      ],
    },
  };
}
