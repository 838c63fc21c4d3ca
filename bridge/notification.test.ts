import { describe, expect, it } from 'vitest';
import { readNotification, trainingsAskedFor } from './notification.js';
import { alertOf, notificationOf } from './notification.test-support.js';

function asked(alerts: readonly object[]) {
  const notification = readNotification(notificationOf(alerts));
  if (notification === undefined) throw new Error('not a notification');
  return trainingsAskedFor(notification);
}

describe('a notification', () => {
  it.each([
    ['another version', notificationOf([], { version: '3' })],
    ['no group', notificationOf([], { groupKey: '' })],
    ['no list of alerts', notificationOf([], { alerts: {} })],
    ['an alert without labels', notificationOf([{ ...alertOf(), labels: undefined }])],
    ['a label that is no text', notificationOf([alertOf({}, { labels: { model: 7 } })])],
    ['more alerts than anybody sends', notificationOf(Array.from({ length: 1001 }, () => alertOf()))],
    ['nothing', null],
    ['a text', 'firing'],
  ])('is none with %s', (_, body) => {
    expect(readNotification(body)).toBeUndefined();
  });

  it('asks for one training, however many of its alerts are about a model', () => {
    const { requests } = asked([
      alertOf({ feature: 'brightness' }, { startsAt: '2026-11-22T11:00:00Z' }),
      alertOf({ feature: 'sharpness' }),
      alertOf({ model: 'digit-finder' }, { annotations: {} }),
    ]);
    const summary = 'What the cameras send has drifted';
    expect(requests).toEqual([
      {
        model: 'digits',
        namespace: 'cv-inference',
        groupKey: '{}/{action="retrain"}:{model="digits", namespace="cv-inference"}',
        alerts: [
          { name: 'CvInferenceModelDrift', feature: 'brightness', summary },
          { name: 'CvInferenceModelDrift', feature: 'sharpness', summary },
        ],
        startedAt: '2026-11-22T10:00:00Z',
      },
      expect.objectContaining({
        model: 'digit-finder',
        alerts: [{ name: 'CvInferenceModelDrift' }],
      }),
    ]);
  });

  it('asks for nothing by what is resolved or asks for no training', () => {
    const { requests, unnamed } = asked([alertOf({}, { status: 'resolved' }), alertOf({ action: 'page' })]);
    expect({ requests, unnamed }).toEqual({ requests: [], unnamed: 0 });
  });

  it.each(['', '../other', '$(reboot)', 'a b', 'x'.repeat(101)])('takes %j for no model', (model) => {
    expect(asked([alertOf({ model })])).toEqual({ requests: [], unnamed: 1 });
  });

  it('stays small in what is passed on', () => {
    const long = 'x'.repeat(100_000);
    const alerts = Array.from({ length: 1000 }, () =>
      alertOf({ feature: long }, { annotations: { summary: long } }),
    );
    const { requests } = asked(alerts);
    expect(JSON.stringify(requests).length).toBeLessThan(6000);
  });

  it('asks for ten models at most', () => {
    const alerts = Array.from({ length: 50 }, (_, index) => alertOf({ model: `model-${index}` }));
    expect(asked(alerts).requests).toHaveLength(10);
  });
});
