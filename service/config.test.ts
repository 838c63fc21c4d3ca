import { describe, expect, it } from 'vitest';
import { CONFIG_SCHEMA, camelCase, configHelp, describeConfig, readConfig } from './config.js';
import { ServiceError } from './errors.js';

function faultsOf(environment: Record<string, string>): string {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'CONFIG_INVALID') return error.message;
    throw error;
  }
  return '';
}

describe('readConfig', () => {
  it('has a default for everything', () => {
    expect(readConfig({})).toMatchObject({ port: 8080, executionProviders: ['cpu'], workers: undefined });
  });

  it('counts an empty variable as unset', () => {
    expect(readConfig({ PORT: '', WORKERS: ' ' })).toMatchObject({ port: 8080, workers: undefined });
  });

  it('cannot be changed', () => {
    expect(Object.isFrozen(readConfig({}))).toBe(true);
  });

  it('reads numbers, lists, choices and flags', () => {
    const config = readConfig({
      PORT: '9000',
      EXECUTION_PROVIDERS: 'cuda, cpu',
      LOG_LEVEL: 'debug',
      S3_FORCE_PATH_STYLE: 'true',
      API_KEYS: 'a,b',
    });
    expect(config).toMatchObject({
      port: 9000,
      executionProviders: ['cuda', 'cpu'],
      logLevel: 'debug',
      s3ForcePathStyle: true,
      apiKeys: ['a', 'b'],
    });
  });

  it('names every fault at once', () => {
    const faults = faultsOf({
      PORT: 'eighty',
      WORKERS: '0',
      LOG_LEVEL: 'loud',
      S3_FORCE_PATH_STYLE: 'maybe',
      IMAGE_FORMATS: 'jpeg,svg',
      MODEL_SHA256: 'abc',
      MAX_IMAGE_BYTES: '1.5',
      API_KEYS: 'a,,b',
      AWS_ENDPOINT_URL_S3: 'localhost:9000',
    });
    for (const name of [
      'PORT',
      'WORKERS',
      'LOG_LEVEL',
      'S3_FORCE_PATH_STYLE',
      'IMAGE_FORMATS',
      'MODEL_SHA256',
      'MAX_IMAGE_BYTES',
      'API_KEYS',
      'AWS_ENDPOINT_URL_S3',
    ]) {
      expect(faults).toContain(name);
    }
  });

  it.each([
    [{ MANAGEMENT_PORT: '8080' }, 'MANAGEMENT_PORT'],
    [{ MAX_BATCH_BYTES: '1000' }, 'MAX_BATCH_BYTES'],
    [{ MAX_BATCH_WAIT_MS: '1000', REQUEST_TIMEOUT_MS: '1000' }, 'MAX_BATCH_WAIT_MS'],
    [{ MAX_IN_FLIGHT_IMAGES: '4', MAX_BATCH_IMAGES: '5' }, 'MAX_IN_FLIGHT_IMAGES'],
  ])('refuses settings that contradict each other: %o', (environment, name) => {
    expect(faultsOf(environment)).toContain(name);
  });

  it('never shows a secret', () => {
    const faults = faultsOf({ API_KEYS: 'top-secret,,' });
    const described = JSON.stringify(
      describeConfig(readConfig({ API_KEYS: 'top-secret', MODEL_HTTP_TOKEN: 'hush' })),
    );
    expect(faults + described).not.toMatch(/top-secret|hush/);
    expect(described).toContain('[set]');
  });

  it('keeps credentials in addresses out of the log', () => {
    const described = describeConfig(readConfig({ MODEL_URI: 'https://user:pass@host/m.onnx?sig=abc' }));
    expect(JSON.stringify(described)).not.toMatch(/pass|abc/);
  });

  it('refuses whatever is outside the range of a number, at its exact borders', () => {
    for (const [name, field] of Object.entries(CONFIG_SCHEMA)) {
      const range = /^integer (-?\d+)\.\.(\d+)$/.exec(field.type);
      if (range === null) continue;
      const [, min, max] = range;
      expect(faultsOf({ [name]: String(Number(min) - 1) })).toContain(name);
      if (Number(max) < Number.MAX_SAFE_INTEGER)
        expect(faultsOf({ [name]: String(Number(max) + 1) })).toContain(name);
    }
  });
});

describe('camelCase', () => {
  it('maps a variable to its setting by rule', () => {
    expect(camelCase('S3_FORCE_PATH_STYLE')).toBe('s3ForcePathStyle');
  });
});

describe('configHelp', () => {
  it('names every setting', () => {
    for (const name of Object.keys(CONFIG_SCHEMA)) expect(configHelp()).toContain(`  ${name} `);
  });
});
