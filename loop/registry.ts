interface Version {
  readonly version: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface RegisteredModel {
  /** Alias -> version. */
  readonly aliases: Readonly<Record<string, string>>;
  readonly versions: readonly Version[];
}

interface Tag {
  readonly key: string;
  readonly value: string;
}

/** MLflow's registry, by its REST API. */
export class Registry {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async model(name: string): Promise<RegisteredModel> {
    const filter = encodeURIComponent(`name = '${name}'`);
    const [{ registered_model: model }, { model_versions: versions = [] }] = await Promise.all([
      this.#get(`registered-models/get?name=${encodeURIComponent(name)}`) as Promise<{
        registered_model: { aliases?: { alias: string; version: string }[] };
      }>,
      this.#get(`model-versions/search?filter=${filter}`) as Promise<{
        model_versions?: { version: string; tags?: Tag[] }[];
      }>,
    ]);
    return {
      aliases: Object.fromEntries((model.aliases ?? []).map(({ alias, version }) => [alias, version])),
      versions: versions.map(({ version, tags = [] }) => ({ version, tags: asRecord(tags) })),
    };
  }

  /** What the gate said of each run of the experiment that has the model's name. */
  async verdicts(name: string): Promise<string[]> {
    const { experiment } = (await this.#get(
      `experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`,
    )) as { experiment: { experiment_id: string } };
    const { runs = [] } = (await this.#post('runs/search', {
      experiment_ids: [experiment.experiment_id],
    })) as {
      runs?: { data: { tags?: Tag[] } }[];
    };
    return runs.flatMap(({ data }) => asRecord(data.tags ?? [])['verdict'] ?? []);
  }

  #get(path: string): Promise<unknown> {
    return this.#ask(path, {});
  }

  #post(path: string, body: object): Promise<unknown> {
    const headers = { 'content-type': 'application/json' };
    return this.#ask(path, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  async #ask(path: string, options: RequestInit): Promise<unknown> {
    const answer = await fetch(`${this.url}/api/2.0/mlflow/${path}`, {
      ...options,
      signal: AbortSignal.timeout(30_000),
    });
    if (!answer.ok) throw new Error(`MLflow answered ${answer.status} to ${path}`);
    return answer.json();
  }
}

function asRecord(tags: readonly Tag[]): Record<string, string> {
  return Object.fromEntries(tags.map(({ key, value }) => [key, value]));
}
