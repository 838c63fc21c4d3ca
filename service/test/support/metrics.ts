import { send } from './answers.js';

/** The samples of /metrics: `name{labels}` to value. */
export type Samples = ReadonlyMap<string, number>;

export async function readMetrics(url: string): Promise<Samples> {
  return parseMetrics((await send(url, '/metrics')).text);
}

export function parseMetrics(text: string): Samples {
  const samples = text.split('\n').flatMap((line) => {
    const match = /^(?!#)(\S+?(?:\{.*\})?) (\S+)$/.exec(line);
    return match?.[1] === undefined ? [] : [[withoutModel(match[1]), Number(match[2])] as const];
  });
  return new Map(samples);
}

/** A service has one model; tests need not name it. */
function withoutModel(series: string): string {
  return series.replace(/\{model="[^"]*"\}/, '').replace(/\{model="[^"]*",/, '{');
}

/** One sample; 0 where there is none yet. */
export async function readMetric(url: string, name: string): Promise<number> {
  return (await readMetrics(url)).get(name) ?? 0;
}
