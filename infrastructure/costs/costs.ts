/**
 * Prints infrastructure/costs.md: what the environments cost a month and per million predictions, by prices.json, which is the
 * one place of every price, assumption and measured figure. `npm run costs` writes it. Read from the root of the checkout.
 */
import { pathToFileURL } from 'node:url';
import {
  BY_USE,
  clusterOf,
  costOf,
  figureOf,
  GPU_NODES,
  gpuOf,
  groundOf,
  HOURS,
  type Line,
  monthly,
  type Prices,
  readPrices,
  type Settings,
  settingsOf,
  sumOf,
} from './bill.js';

const SECONDS = HOURS * 3600;
const MINIMAL_PODS = 2;

export const usd = (value: number, digits = 2): string =>
  `$${value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
const percent = (share: number): string => `${Math.round(share * 100)} %`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

function billOf(prices: Prices, lines: readonly Line[]): string {
  const rows = lines.map((line) => [
    line.kind === '' ? '' : `\`${line.kind}\``,
    line.what,
    String(line.quantity),
    usd(monthly(prices, line.price), 3),
    usd(costOf(prices, line)),
  ]);
  const total = ['', '**together**', '', '', `**${usd(sumOf(prices, lines))}**`];
  return table(['resource', 'is', 'number', 'a month, each', 'a month'], [...rows, total]);
}

/** USD for a million predictions on a node with one pod that is as busy as the autoscaler keeps it. */
function perMillion(prices: Prices, node: string, imagesPerSecond: number): number {
  const served = imagesPerSecond * figureOf(prices.assumed, 'utilisation') * SECONDS;
  return (monthly(prices, node) / served) * 1e6;
}

/** Production as a whole, at so many million predictions a month: pods come with them. */
function productionAt(prices: Prices, settings: Settings, millions: number): { pods: number; cost: number } {
  const perPod = figureOf(prices.measured, 'imagesPerSecond') * figureOf(prices.assumed, 'utilisation');
  const pods = Math.max(MINIMAL_PODS, Math.ceil((millions * 1e6) / (perPod * SECONDS)));
  const nodes = Math.max(settings.nodes, pods);
  return {
    pods,
    cost:
      sumOf(prices, groundOf(settings, prices)) + sumOf(prices, clusterOf({ ...settings, nodes }, prices)),
  };
}

function predictionsOf(prices: Prices, production: Settings): string {
  const rate = figureOf(prices.measured, 'imagesPerSecond');
  const slow = figureOf(prices.measured, 'slowImagesPerSecond');
  const int8 = rate * figureOf(prices.measured, 'int8Speedup');
  const paid = 1 - figureOf(prices.assumed, 'spotDiscount');
  const node = perMillion(prices, 'c7a.xlarge', rate);
  const alone = table(
    ['a node more', 'images/s', 'a million'],
    [
      ['c7a.xlarge', String(rate), usd(node, 3)],
      [
        'the same at half its speed, as on another day',
        String(slow),
        usd(perMillion(prices, 'c7a.xlarge', slow), 3),
      ],
      ['on spot', String(rate), usd(node * paid, 3)],
      ['int8', int8.toFixed(0), usd(perMillion(prices, 'c7a.xlarge', int8), 3)],
      ['int8 on spot', int8.toFixed(0), usd(perMillion(prices, 'c7a.xlarge', int8) * paid, 3)],
    ],
  );
  const whole = table(
    ['millions a month', 'pods', 'production a month', 'a million'],
    [1, 10, 100, 1000, 3000].map((millions) => {
      const { pods, cost } = productionAt(prices, production, millions);
      return [millions.toLocaleString('en-US'), String(pods), usd(cost), usd(cost / millions)];
    }),
  );
  return `${alone}\n\n${whole}`;
}

/** USD a month that another kind of NAT costs more. */
function byNat(prices: Prices, settings: Settings, nat: string): number {
  return sumOf(prices, groundOf({ ...settings, nat }, prices)) - sumOf(prices, groundOf(settings, prices));
}

function savingsOf(prices: Prices, dev: Settings, production: Settings): string {
  const node = monthly(prices, 'c7a.xlarge');
  const graviton = monthly(prices, 'c7g.xlarge');
  const gpu = monthly(prices, 'g6.2xlarge');
  const discount = figureOf(prices.assumed, 'spotDiscount');
  const off = 1 - figureOf(prices.assumed, 'gpuHours') / HOURS;
  const speedup = figureOf(prices.measured, 'int8Speedup');
  return table(
    ['saving', 'a month', 'costs'],
    [
      [
        `spot for the ${production.nodes} nodes of production`,
        usd(production.nodes * node * discount),
        'nodes that go with two minutes of notice; a pod drains in less',
      ],
      [
        `spot for the ${GPU_NODES} GPU nodes`,
        usd(GPU_NODES * gpu * discount),
        'the same, and at times there is none',
      ],
      [
        'one NAT gateway in production',
        usd(-byNat(prices, production, 'single')),
        "its zone takes all zones' way out with it",
      ],
      [
        `Graviton (c7g.xlarge) for the ${production.nodes} nodes`,
        usd(production.nodes * (node - graviton)),
        `pays from ${percent(graviton / node)} of the throughput on; it was not measured there`,
      ],
      [
        'GPU nodes from zero, in working hours alone',
        usd(GPU_NODES * gpu * off),
        'minutes until the first answer, an autoscaler of nodes, and something that counts requests while no pod does',
      ],
      [`nodes of dev in working hours alone`, usd(dev.nodes * node * off), 'nothing there at night'],
      [
        'int8',
        `${percent(1 - 1 / speedup)} of the nodes above the minimum`,
        'proof of the loss, model by model: docs/optimize.md',
      ],
    ],
  );
}

/** The whole document. */
export function costsMarkdown(prices: Prices, dev: Settings, production: Settings): string {
  const ofDev = [groundOf(dev, prices), clusterOf(dev, prices)] as const;
  const ofProduction = [groundOf(production, prices), clusterOf(production, prices)] as const;
  const total = (parts: readonly (readonly Line[])[]): number => sumOf(prices, parts.flat());
  const gpu = gpuOf(prices);
  const asFast = monthly(prices, 'g6.2xlarge') / monthly(prices, 'c7a.xlarge');
  const rate = figureOf(prices.measured, 'imagesPerSecond');
  const summary = table(
    ['', 'without a cluster', 'cluster', 'a month'],
    [
      ...(
        [
          ['dev', ofDev],
          ['production', ofProduction],
        ] as const
      ).map(([name, [ground, cluster]]) => [
        name,
        usd(sumOf(prices, ground)),
        usd(sumOf(prices, cluster)),
        `**${usd(total([ground, cluster]))}**`,
      ]),
      ['GPU, beside production', '', usd(sumOf(prices, gpu)), `**${usd(sumOf(prices, gpu))}**`],
    ],
  );
  return `# Costs

Written by \`npm run costs\` from [prices.json](costs/prices.json); change that, not this. USD, without tax, on demand in ${prices.region}, ${HOURS} hours a month. **The prices were written down from public pages and not fetched: check them before you decide by them.** Frankfurt, the default region of the environments, is some 10 to 20 % dearer.

${summary}

[infrastructure/](README.md) makes the first column, and with \`cluster = "eks"\` the second: a managed control plane, and ${dev.nodes} nodes in dev and ${production.nodes} in production of four cores each, for one pod of two cores and what runs beside it; its controller makes the load balancer. What is used is assumed: ${Object.entries(
    prices.assumed,
  )
    .filter(([name]) => /Gb$/.test(name))
    .map(([, { value, why }]) => `${value} GB (${why})`)
    .join(', ')}.

## dev

${billOf(prices, ofDev.flat())}

## production

${billOf(prices, ofProduction.flat())}

## GPU

${billOf(prices, gpu)}

Two pods of [production-gpu](../k8s/overlays/production-gpu), each with a GPU and four cores. **Its throughput was not measured on such a machine**, so there is no price per prediction: with the model of below a GPU node has to answer ${Math.ceil(rate * asFast).toLocaleString('en-US')} images/s to be as cheap as nodes without one.

## Per million predictions

[Measured](../docs/benchmarks.md): MobileNetV2, a 640x480 JPEG, ${rate} images/s on two cores of an EPYC with AVX-512, the load on the same cores; on the same kind of machine at half its speed ${figureOf(prices.measured, 'slowImagesPerSecond')}. Pods are ${percent(figureOf(prices.assumed, 'utilisation'))} busy, which is what the autoscaler keeps them at. Another model has other figures: \`npm run bench\`.

${predictionsOf(prices, production)}

The first table is what one node more costs for what it answers; the second all of production. Spot is assumed to be ${percent(figureOf(prices.assumed, 'spotDiscount'))} off.

## Savings

${savingsOf(prices, dev, production)}

No NAT gateway at all (\`nat = "none"\`) saves nothing: the interface endpoints (\`aws_vpc_endpoint\`) that then lead to AWS make dev ${usd(byNat(prices, dev, 'none'))} a month dearer.

## Not counted

- Traffic: out to the internet, between zones, and per GB through NAT gateways, endpoints and the load balancer. What comes into AWS is free, and an answer has some 1 KB.
- By use, beyond what is assumed above: ${Object.entries(BY_USE)
    .map(([kind, what]) => `\`${kind}\`: ${what}`)
    .join('; ')}; requests to KMS and Secrets Manager.
- Backups beyond the size of the database, growth of its storage, its snapshots.
- Monitoring, Argo CD and MLflow's server run on the nodes above; training runs on GitHub's runners.
- Support, tax, discounts for commitment (Savings Plans), the free tier.
`;
}

/** What infrastructure/costs.md has to say. */
export function currentCosts(): string {
  const [dev, production] = ['dev', 'production'].map((name) =>
    settingsOf(`infrastructure/environments/${name}`, 'infrastructure/modules'),
  ) as [Settings, Settings];
  return costsMarkdown(readPrices(), dev, production);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.stdout.write(currentCosts());
