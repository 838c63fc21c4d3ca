import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  BY_USE,
  clusterOf,
  FREE,
  gpuOf,
  groundOf,
  HOURS,
  kindsIn,
  type Prices,
  readPrices,
  type Settings,
  settingsOf,
  sumOf,
} from './bill.js';
import { costsMarkdown, currentCosts, usd } from './costs.js';

const prices = readPrices();
const settings = (name: string): Settings =>
  settingsOf(`infrastructure/environments/${name}`, 'infrastructure/modules');
const production = settings('production');
/** All but modules/kubernetes-ec2, which is part of no environment. */
const MODULES = readdirSync('infrastructure/modules').filter((module) => module !== 'kubernetes-ec2');
const MADE = new Set(
  [...MODULES.map((module) => `modules/${module}`), 'environments'].flatMap((folder) => [
    ...kindsIn(`infrastructure/${folder}`),
  ]),
);

describe('infrastructure/costs.md', () => {
  const text = readFileSync('infrastructure/costs.md', 'utf8');

  it('is what the script prints: npm run costs', () => {
    expect(text).toBe(currentCosts());
  });

  it('has every kind of resource that the environments make, or it is known to be free', () => {
    const missing = [...MADE].filter((kind) => !FREE.includes(kind) && !text.includes(`\`${kind}\``));
    expect(missing).toEqual([]);
  });

  it('knows no resource that there is none of', () => {
    const known = [
      ...FREE,
      ...Object.keys(BY_USE),
      ...groundOf({ ...production, nat: 'none' }, prices).map(({ kind }) => kind),
      ...clusterOf(production, prices).flatMap(({ kind }) => (kind === '' ? [] : [kind])),
    ];
    const all = new Set([...MADE, ...kindsIn('infrastructure/bootstrap')]);
    expect(known.filter((kind) => !all.has(kind))).toEqual([]);
  });
});

describe('docs/infrastructure.md', () => {
  const document = readFileSync('docs/infrastructure.md', 'utf8');
  const page = document.slice(document.indexOf('## From an empty account'), document.indexOf('## Shown by'));
  const dev = settings('dev');
  /** USD; the load balancer is there once its controller is. */
  const monthOf = (of: Settings, balanced: boolean): number => {
    const cluster = clusterOf(of, prices).filter(({ kind }) => balanced || kind !== '');
    return sumOf(prices, [...groundOf(of, prices), ...cluster]);
  };

  it('says on the way from an empty account what is paid from each step on', () => {
    const figures = [...page.matchAll(/^\| \d+ \|.*\| (\$[^|]+; [^|]+) \|$/gm)].map(([, figure]) => figure);
    const paid = [false, true].map((balanced) =>
      [dev, production].map((of) => usd(monthOf(of, balanced))).join('; '),
    );
    expect(figures).toEqual(paid);
    expect(page).toContain(`a day of \`dev\` is ${usd((monthOf(dev, true) / HOURS) * 24)}.`);
  });
});

describe('prices.json', () => {
  it('says of every price its unit, where it is from, and of when', () => {
    for (const [name, price] of Object.entries(prices.prices)) {
      expect(price.usd, name).toBeGreaterThan(0);
      expect(price.unit, name).toMatch(/^(hour( and zone)?|month|GB and month|GB taken in)$/);
      expect(price.asOf, name).toMatch(/^20\d\d(-\d\d)?$/);
      expect(price.source, name).toMatch(/^https:\/\/aws\.amazon\.com\/[\w/-]+\/$/);
    }
  });

  it('has the measured figures that the documents state', () => {
    for (const { value, in: document, as: words } of Object.values(prices.measured)) {
      expect(readFileSync(document, 'utf8')).toContain(words);
      expect(words).toContain(String(value));
    }
  });

  it('has no price that nothing costs', () => {
    const used = new Set<string>();
    const watched = new Proxy(prices.prices, {
      get: (target, name) => {
        used.add(String(name));
        return Reflect.get(target, name);
      },
    });
    costsMarkdown({ ...prices, prices: watched } satisfies Prices, settings('dev'), production);
    expect(Object.keys(prices.prices).filter((name) => !used.has(name))).toEqual([]);
  });
});

describe('the bill', () => {
  const quantityOf = (of: Settings, price: string): number | undefined =>
    groundOf(of, prices).find((line) => line.price === price)?.quantity;

  it('has a NAT gateway and its address for each zone, one, or endpoints in each zone', () => {
    const by = (nat: string): (number | undefined)[] =>
      ['nat-gateway', 'public-ipv4', 'interface-endpoint'].map((price) =>
        quantityOf({ ...production, nat }, price),
      );
    expect([by('per_zone'), by('single'), by('none')]).toEqual([
      [3, 3, undefined],
      [1, 1, undefined],
      [undefined, undefined, 15],
    ]);
  });

  it('has an address of the load balancer in each zone', () => {
    const addresses = clusterOf(production, prices).find(({ price }) => price === 'public-ipv4');
    expect(addresses?.quantity).toBe(production.zones);
  });

  it('has the database twice where another zone has a copy', () => {
    expect([
      production.multiAz,
      quantityOf(production, 'db.t4g.small'),
      quantityOf(production, 'db-storage'),
    ]).toEqual([true, 2, 40]);
  });

  it('has the nodes of the environment, as modules/eks makes them, with a volume each', () => {
    const nodes = readFileSync('infrastructure/modules/eks/nodes.tf', 'utf8');
    const bill = clusterOf(production, prices);
    const lineOf = (kind: string) => bill.find((line) => line.kind === kind);
    expect([production.nodes, lineOf('aws_eks_node_group')?.quantity]).toEqual([3, 3]);
    expect(nodes).toContain(`types  = ["${lineOf('aws_eks_node_group')?.price}"]`);
    expect(nodes).toContain(`volume_size           = ${prices.assumed['nodeVolumeGb']?.value}\n`);
    expect(gpuOf(prices).map(({ price }) => price)).toContain(/"(g\d\w*\.\w+)"/.exec(nodes)?.[1]);
  });

  it('refuses what it has no price of', () => {
    const other = { ...production, databaseClass: 'db.m7g.large' };
    expect(() => costsMarkdown(prices, other, production)).toThrow(
      'prices.json has no price of db.m7g.large',
    );
  });
});
