/**
 * Tells the registry what has become of the model that production was promoted to: the alias `champion` moves to its
 * version where it has held, and that version is marked where it has not. From the environment: MLFLOW_TRACKING_URI,
 * MLFLOW_TRACKING_TOKEN (may be empty), MODEL_SHA256 (with `sha256:` before it the version's tag `digest`; empty: the model of the
 * image, which no registry has), RESULT (success or failure).
 */
import { pathToFileURL } from 'node:url';

const TIMEOUT_MS = 30_000;
const ALIAS = 'registered-models/alias';
const DIGEST = /^(sha256-files:)?[0-9a-f]{64}$/;

export interface Promotion {
  readonly trackingUri: string;
  readonly token: string;
  readonly sha256: string;
  readonly hasHeld: boolean;
}

interface ModelVersion {
  readonly name: string;
  readonly version: string;
}

/** @returns what was done, in a sentence. Throws where the registry does not know the model, or does not answer. */
export async function settleChampion(promotion: Promotion): Promise<string> {
  const { sha256, hasHeld } = promotion;
  if (sha256 === '') return 'the model is that of the image: no version to settle';
  if (!DIGEST.test(sha256)) throw new Error(`not a digest: ${sha256}`);
  const { name, version } = await findVersion(promotion);
  const aliases = await aliasesOf(promotion, { name, version });
  // Nor is it marked where what failed was another image with it.
  if (aliases.includes('champion')) return `${name} ${version} is champion already`;
  const tag = (key: string, value: string) =>
    call(promotion, 'POST', 'model-versions/set-tag', { name, version, key, value });
  await tag('status', hasHeld ? 'promoted' : 'failed');
  if (hasHeld) await call(promotion, 'POST', ALIAS, { name, alias: 'champion', version });
  else await tag('reason', 'it did not hold in production');
  if (aliases.includes('challenger')) await call(promotion, 'DELETE', ALIAS, { name, alias: 'challenger' });
  return `${name} ${version} ${hasHeld ? 'is champion' : 'is marked as failed; champion stays'}`;
}

async function findVersion(promotion: Promotion): Promise<ModelVersion> {
  const digest = promotion.sha256.includes(':') ? promotion.sha256 : `sha256:${promotion.sha256}`;
  const filter = encodeURIComponent(`tags.digest = '${digest}'`);
  const answer = await call(
    promotion,
    'GET',
    `model-versions/search?filter=${filter}&order_by=version_number%20DESC`,
  );
  const [found] = (answer as { model_versions?: ModelVersion[] }).model_versions ?? [];
  if (found === undefined) throw new Error(`the registry has no version with the tag digest ${digest}`);
  return found;
}

async function aliasesOf(promotion: Promotion, { name, version }: ModelVersion): Promise<string[]> {
  const answer = await call(promotion, 'GET', `registered-models/get?name=${encodeURIComponent(name)}`);
  const { registered_model: model } = answer as {
    registered_model?: { aliases?: readonly { readonly alias: string; readonly version: string }[] };
  };
  return (model?.aliases ?? []).filter((one) => one.version === version).map(({ alias }) => alias);
}

async function call(
  { trackingUri, token }: Promotion,
  method: string,
  path: string,
  body?: object,
): Promise<unknown> {
  const answer = await fetch(`${trackingUri.replace(/\/+$/, '')}/api/2.0/mlflow/${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token !== '' && { authorization: `Bearer ${token}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`${path.split('?')[0]}: MLflow answered ${answer.status}`);
  return answer.json();
}

async function main(environment: NodeJS.ProcessEnv): Promise<void> {
  const result = environment['RESULT'] ?? '';
  if (!['success', 'failure'].includes(result))
    throw new Error(`RESULT is neither success nor failure: ${result}`);
  const said = await settleChampion({
    trackingUri: environment['MLFLOW_TRACKING_URI'] ?? '',
    token: environment['MLFLOW_TRACKING_TOKEN'] ?? '',
    sha256: environment['MODEL_SHA256'] ?? '',
    hasHeld: result === 'success',
  });
  process.stdout.write(`${said}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.env);
