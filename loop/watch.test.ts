import { expect, it } from 'vitest';
import { namesOf } from './watch.js';

it('tells drift of accuracy from drift of images and answers, and each alert once', () => {
  const drift = { alertname: 'CvInferenceModelDrift', action: 'retrain' };
  const alerts = [
    { ...drift, feature: 'accuracy' },
    drift,
    { alertname: 'CvInferenceInputDrift', feature: 'brightness' },
    { alertname: 'CvInferenceInputDrift', feature: 'contrast' },
  ].map((labels) => ({ labels }));
  expect(namesOf(alerts)).toEqual([
    'CvInferenceInputDrift',
    'CvInferenceModelDrift',
    'CvInferenceModelDrift (accuracy)',
  ]);
});
