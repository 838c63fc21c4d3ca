export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Point {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly value: number;
}

interface Answer<Result> {
  readonly status: string;
  readonly error?: string;
  readonly data: { readonly result: readonly Result[] };
}

type Labels = Readonly<Record<string, string>>;

/** Prometheus' API of queries. */
export class Prometheus {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async query(expression: string): Promise<Sample[]> {
    const result = await this.#ask<{ metric: Labels; value: [number, string] }>('query', {
      query: expression,
    });
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** The first series that matches, a point each second; none where it has no number. */
  async range(expression: string, from: number, to: number): Promise<Point[]> {
    const [series] = await this.#ask<{ values: readonly [number, string][] }>('query_range', {
      query: expression,
      start: String(from / 1000),
      end: String(to / 1000),
      step: '1',
    });
    const points = (series?.values ?? []).map(([at, value]) => ({ at: at * 1000, value: Number(value) }));
    return points.filter(({ value }) => Number.isFinite(value));
  }

  async #ask<Result>(path: string, parameters: Labels): Promise<readonly Result[]> {
    const answer = await fetch(`${this.url}/api/v1/${path}`, {
      method: 'POST',
      body: new URLSearchParams(parameters),
      signal: AbortSignal.timeout(10_000),
    });
    const { status, error, data } = (await answer.json()) as Answer<Result>;
    if (status !== 'success') throw new Error(`Prometheus: ${error}`);
    return data.result;
  }
}
