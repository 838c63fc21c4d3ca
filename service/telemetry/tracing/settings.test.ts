import { describe, expect, it } from 'vitest';
import { readConfig } from '../../config.js';
import { ServiceError } from '../../errors.js';
import { tracingSettings } from './settings.js';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector:4318' };

function settingsOf(environment: Record<string, string>) {
  return tracingSettings(readConfig(environment));
}

function faultsOf(environment: Record<string, string>): string {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'CONFIG_INVALID') return error.message;
    throw error;
  }
  return '';
}

describe('traces are', () => {
  it.each([
    ['by default', {}],
    ['where the SDK is disabled', { ...ENDPOINT, OTEL_SDK_DISABLED: 'true' }],
    ['where there is no exporter', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }],
    ['where only details are set', { OTEL_SERVICE_NAME: 'eyes', OTEL_TRACES_SAMPLER: 'always_on' }],
  ])('off %s', (_, environment) => {
    expect(settingsOf(environment)).toBeUndefined();
  });

  it.each([
    ['an endpoint', ENDPOINT, 'https://collector:4318/v1/traces'],
    ['one with a path', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a/otlp/' }, 'http://a/otlp/v1/traces'],
    ['one of traces', { ...ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://a/x' }, 'http://a/x'],
    ['an exporter', { OTEL_TRACES_EXPORTER: 'otlp' }, 'http://localhost:4318/v1/traces'],
  ])('sent where %s is named', (_, environment, url) => {
    expect(settingsOf(environment)).toEqual({
      url,
      protocol: 'http/protobuf',
      serviceName: undefined,
      sampler: 'parentbased_always_on',
      share: 1,
    });
  });

  it('sent as the variable for traces says, before that for all', () => {
    const json = { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' };
    expect(settingsOf({ ...ENDPOINT, ...json })).toMatchObject({ protocol: 'http/json' });
  });
});

it('what is not offered, or no address, is refused', () => {
  const faults = faultsOf({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_TRACES_EXPORTER: 'zipkin',
    OTEL_TRACES_SAMPLER: 'sometimes',
    OTEL_TRACES_SAMPLER_ARG: '2',
  });
  expect(faults.split('; ').map((fault) => fault.split(' ')[0])).toEqual([
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'OTEL_EXPORTER_OTLP_PROTOCOL',
    'OTEL_TRACES_EXPORTER',
    'OTEL_TRACES_SAMPLER',
    'OTEL_TRACES_SAMPLER_ARG',
  ]);
  expect(faultsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:99999' })).toMatch(/not an address/);
});
