import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedServer, startScriptedServer } from '../../service/test/support/s3-server.js';
import { settleChampion } from '../scripts/settle-champion.js';
import { DIST, runBeside } from './support/run.js';
import { evaluate } from './support/workflow-run.js';
import { workflowNamed } from './support/workflows.js';

const SHA256 = '5e'.repeat(32);

/** The part of MLflow's REST API that is used, with one version in its registry. */
describe('the registry', () => {
  let server: ScriptedServer;
  let calls: unknown[];
  let aliases: string[];

  beforeEach(async () => {
    [calls, aliases] = [[], []];
    server = await startScriptedServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const url = new URL(request.url ?? '', 'http://mlflow');
      const text = Buffer.concat(chunks).toString();
      calls.push([request.method, url.pathname, text === '' ? url.search : JSON.parse(text)]);
      const isAllowed = request.headers.authorization === 'Bearer a-token';
      response.writeHead(isAllowed ? 200 : 401, { 'content-type': 'application/json' });
      const isAsked = url.searchParams.get('filter') === `tags.digest = 'sha256:${SHA256}'`;
      const versions = isAsked ? [{ name: 'digits', version: '7' }] : undefined;
      const model = { name: 'digits', aliases: aliases.map((alias) => ({ alias, version: '7' })) };
      response.end(JSON.stringify({ model_versions: versions, registered_model: model }));
    });
  });
  afterEach(() => server.close());

  const settle = (changes: object = {}) =>
    settleChampion({
      trackingUri: `${server.url}/`,
      token: 'a-token',
      sha256: SHA256,
      hasHeld: true,
      ...changes,
    });
  const written = () => calls.filter((one) => (one as string[])[0] !== 'GET');
  const tag = (key: string, value: string) => [
    'POST',
    '/api/2.0/mlflow/model-versions/set-tag',
    { name: 'digits', version: '7', key, value },
  ];
  const alias = (method: string, body: object) => [
    method,
    '/api/2.0/mlflow/registered-models/alias',
    { name: 'digits', ...body },
  ];

  it('has another champion once a promotion has held', async () => {
    aliases = ['challenger'];
    expect(await settle()).toBe('digits 7 is champion');
    expect(written()).toEqual([
      tag('status', 'promoted'),
      alias('POST', { alias: 'champion', version: '7' }),
      alias('DELETE', { alias: 'challenger' }),
    ]);
  });

  it('keeps its champion where it has not, and marks the version', async () => {
    expect(await settle({ hasHeld: false })).toBe('digits 7 is marked as failed; champion stays');
    expect(written()).toEqual([tag('status', 'failed'), tag('reason', 'it did not hold in production')]);
  });

  it('does not mark the champion where another image fails with it', async () => {
    aliases = ['champion'];
    expect(await settle({ hasHeld: false })).toBe('digits 7 is champion already');
    expect(written()).toEqual([]);
  });

  it('is not asked about the model that an image brings', async () => {
    await settle({ sha256: '' });
    expect(calls).toEqual([]);
  });

  it.each(['', 'cancelled', 'skipped'])('is told nothing of a check that ended in %j', async (RESULT) => {
    const ended = await runBeside('node', [join(DIST, 'settle-champion.js')], {
      env: {
        MLFLOW_TRACKING_URI: server.url,
        MLFLOW_TRACKING_TOKEN: 'a-token',
        MODEL_SHA256: SHA256,
        RESULT,
      },
    });
    expect([ended.code, calls]).toEqual([1, []]);
  });

  it.each([
    [{ sha256: "' or '1' = '1" }, /not a digest/],
    [{ sha256: '00'.repeat(32) }, /no version/],
    [{ token: 'another' }, /answered 401/],
  ])('is a reason to fail with %j', async (changes, reason) => {
    await expect(settle(changes)).rejects.toThrow(reason);
  });
});

describe('promotion-check', () => {
  const step = workflowNamed('promotion-check').jobs['check']?.steps?.find(({ run }) =>
    run?.includes('settle-champion'),
  );
  const settles = (changes: object): unknown =>
    evaluate(step?.if ?? '', {
      always: () => true,
      vars: { ENDPOINT: 'https://production.test', MLFLOW_TRACKING_URI: 'https://mlflow.test' },
      matrix: { environment: 'production' },
      steps: { check: { conclusion: 'success' } },
      ...changes,
    });
  const ended = (conclusion: string): object => ({ steps: { check: { conclusion } } });

  it.each(['success', 'failure'])('settles the champion after a check that ended in %s', (conclusion) => {
    expect(settles(ended(conclusion))).toBe(true);
    expect(step?.env?.['RESULT']).toBe(`\${{ steps.check.conclusion }}`);
  });

  it.each<[string, object]>([
    ['a check that was cancelled', ended('cancelled')],
    ['a check that did not begin', ended('skipped')],
    ['no endpoint, where nothing is checked', { vars: { MLFLOW_TRACKING_URI: 'https://mlflow.test' } }],
    ['no registry', { vars: { ENDPOINT: 'https://production.test' } }],
    ['an environment that is not production', { matrix: { environment: 'staging' } }],
  ])('settles nothing where there is %s', (_, changes) => {
    expect(settles(changes)).toBe(false);
  });
});
