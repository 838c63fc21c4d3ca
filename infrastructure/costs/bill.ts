/** What there is to pay for: the lines of the bill, by the settings of an environment and by prices.json. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Price {
  readonly usd: number;
  readonly unit: string;
  readonly asOf: string;
  readonly source: string;
}

export interface Prices {
  readonly region: string;
  readonly prices: Readonly<Record<string, Price>>;
  readonly assumed: Readonly<Record<string, { readonly value: number; readonly why: string }>>;
  readonly measured: Readonly<
    Record<string, { readonly value: number; readonly in: string; readonly as: string }>
  >;
}

/** What the price of an environment hangs on. */
export interface Settings {
  readonly nat: string;
  readonly zones: number;
  readonly databaseClass: string;
  readonly databaseStorageGb: number;
  readonly multiAz: boolean;
  readonly nodes: number;
}

/** A line of the bill: so many of what has the price, by hours of the month, or by month. */
export interface Line {
  readonly kind: string;
  readonly what: string;
  readonly price: string;
  readonly quantity: number;
}

export const HOURS = 730;
const ENDPOINTS = 5;
const BUCKETS = 3;
export const GPU_NODES = 2;

/** Resources that cost by use alone, with what of it is not counted. */
export const BY_USE: Readonly<Record<string, string>> = {
  aws_s3_bucket: 'requests, former versions, what leaves the region',
  aws_ecr_repository: 'what leaves the region',
  aws_cloudwatch_log_group: 'what is kept of earlier months, queries',
  aws_sqs_queue: 'what Karpenter asks, some cents',
};

/** Resources that cost nothing by themselves. */
export const FREE: readonly string[] = [
  'aws_budgets_budget',
  'aws_cloudwatch_event_rule',
  'aws_cloudwatch_event_target',
  'aws_db_subnet_group',
  'aws_default_security_group',
  'aws_ecr_lifecycle_policy',
  'aws_eks_access_entry',
  'aws_eks_access_policy_association',
  'aws_eks_addon',
  'aws_eks_pod_identity_association',
  'aws_flow_log',
  'aws_iam_instance_profile',
  'aws_iam_openid_connect_provider',
  'aws_iam_policy',
  'aws_iam_role',
  'aws_iam_role_policy',
  'aws_iam_role_policy_attachment',
  'aws_internet_gateway',
  'aws_kms_alias',
  'aws_route',
  'aws_route_table',
  'aws_route_table_association',
  'aws_s3_bucket_lifecycle_configuration',
  'aws_s3_bucket_ownership_controls',
  'aws_s3_bucket_policy',
  'aws_s3_bucket_public_access_block',
  'aws_s3_bucket_server_side_encryption_configuration',
  'aws_s3_bucket_versioning',
  'aws_security_group',
  'aws_sqs_queue_policy',
  'aws_subnet',
  'aws_vpc',
  'aws_vpc_security_group_egress_rule',
  'aws_vpc_security_group_ingress_rule',
];

/** What infrastructure/ makes but for a cluster, and AWS has a price for. */
export function groundOf(settings: Settings, { assumed }: Prices): Line[] {
  const { nat, zones, databaseClass, databaseStorageGb, multiAz } = settings;
  const gateways = { none: 0, single: 1, per_zone: zones }[nat] ?? Number.NaN;
  const copies = multiAz ? 2 : 1;
  const use = (name: string): number => figureOf(assumed, name);
  const lines: Line[] = [
    { kind: 'aws_nat_gateway', what: 'NAT gateway', price: 'nat-gateway', quantity: gateways },
    { kind: 'aws_eip', what: 'its public address', price: 'public-ipv4', quantity: gateways },
    {
      kind: 'aws_vpc_endpoint',
      what: 'interface endpoints, in each zone',
      price: 'interface-endpoint',
      quantity: nat === 'none' ? ENDPOINTS * zones : 0,
    },
    { kind: 'aws_db_instance', what: databaseClass, price: databaseClass, quantity: copies },
    {
      kind: 'aws_db_instance',
      what: 'its storage, GB',
      price: 'db-storage',
      quantity: copies * databaseStorageGb,
    },
    { kind: 'aws_db_instance', what: "its password's secret", price: 'secret', quantity: 1 },
    { kind: 'aws_kms_key', what: 'key of models and captures', price: 'kms-key', quantity: 1 },
    { kind: 'aws_s3_bucket', what: `${BUCKETS} buckets, GB`, price: 'bucket', quantity: use('bucketGb') },
    { kind: 'aws_ecr_repository', what: 'images, GB', price: 'registry', quantity: use('imageGb') },
    { kind: 'aws_cloudwatch_log_group', what: 'logs, GB', price: 'log', quantity: use('logGb') },
  ];
  return lines.filter(({ quantity }) => quantity !== 0);
}

/** What modules/eks makes with nodes for a pod of two cores each, and the load balancer that its controller makes. */
export function clusterOf({ nodes, zones }: Settings, { assumed }: Prices): Line[] {
  return [
    { kind: 'aws_eks_cluster', what: 'control plane', price: 'control-plane', quantity: 1 },
    { kind: 'aws_eks_node_group', what: 'nodes c7a.xlarge', price: 'c7a.xlarge', quantity: nodes },
    {
      kind: 'aws_launch_template',
      what: 'their volumes, GB',
      price: 'volume',
      quantity: nodes * figureOf(assumed, 'nodeVolumeGb'),
    },
    { kind: 'aws_kms_key', what: 'key of its secrets', price: 'kms-key', quantity: 1 },
    {
      kind: 'aws_cloudwatch_log_group',
      what: 'its logs, GB',
      price: 'log',
      quantity: figureOf(assumed, 'clusterLogGb'),
    },
    { kind: '', what: 'load balancer', price: 'load-balancer', quantity: 1 },
    { kind: '', what: 'its public addresses, one a zone', price: 'public-ipv4', quantity: zones },
  ];
}

export function gpuOf({ assumed }: Prices): Line[] {
  return [
    {
      kind: 'aws_eks_node_group',
      what: 'nodes g6.2xlarge (L4)',
      price: 'g6.2xlarge',
      quantity: GPU_NODES,
    },
    {
      kind: 'aws_launch_template',
      what: 'their volumes, GB',
      price: 'volume',
      quantity: GPU_NODES * figureOf(assumed, 'nodeVolumeGb'),
    },
  ];
}

export function figureOf(values: Readonly<Record<string, { readonly value: number }>>, name: string): number {
  const found = values[name];
  if (found === undefined) throw new Error(`prices.json has no ${name}`);
  return found.value;
}

/** USD a month of one of what has the price. */
export function monthly({ prices }: Prices, name: string): number {
  const price = prices[name];
  if (price === undefined) throw new Error(`prices.json has no price of ${name}`);
  return price.unit.startsWith('hour') ? price.usd * HOURS : price.usd;
}

export const costOf = (prices: Prices, { price, quantity }: Line): number =>
  quantity * monthly(prices, price);
export const sumOf = (prices: Prices, lines: readonly Line[]): number =>
  lines.reduce((sum, line) => sum + costOf(prices, line), 0);

/** A setting that stands in an environment's files as NAME = VALUE, once. */
function settingOf(text: string, name: string): string {
  const found = [...text.matchAll(new RegExp(`^\\s*${name}\\s*=\\s*"?([^"\\n]*?)"?$`, 'gm'))];
  if (found.length !== 1) throw new Error(`${name} is set ${found.length} times`);
  return found[0]?.[1] ?? '';
}

export function settingsOf(environment: string, modules: string): Settings {
  const text = readFileSync(join(environment, 'main.tf'), 'utf8');
  const read = (path: string): string => readFileSync(join(modules, path), 'utf8');
  const zones = /variable "zone_count" \{[^}]*?default\s*=\s*(\d+)/.exec(read('network/variables.tf'))?.[1];
  return {
    nat: settingOf(text, 'nat'),
    zones: Number(zones),
    databaseClass: settingOf(text, 'database_class'),
    databaseStorageGb: Number(settingOf(read('mlflow/main.tf'), 'allocated_storage')),
    multiAz: settingOf(text, 'multi_az') === 'true',
    nodes: Number(settingOf(text, 'cluster_nodes')),
  };
}

/** Every kind of resource that a file below the folder declares. */
export function kindsIn(folder: string): Set<string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.tf'),
  );
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8'));
  return new Set(
    texts.flatMap((text) => [...text.matchAll(/^resource "(\w+)"/gm)].map(([, kind = '']) => kind)),
  );
}

export function readPrices(): Prices {
  return JSON.parse(readFileSync('infrastructure/costs/prices.json', 'utf8')) as Prices;
}
