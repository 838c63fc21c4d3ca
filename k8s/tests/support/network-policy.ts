import { type Labels, matches } from './pods.js';

interface LabelSelector {
  readonly matchLabels?: Labels;
}

interface PolicyPeer {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

interface PolicyPort {
  readonly protocol?: string;
  readonly port?: number | string;
}

interface Rule {
  readonly from?: readonly PolicyPeer[];
  readonly to?: readonly PolicyPeer[];
  readonly ports?: readonly PolicyPort[];
}

export interface NetworkPolicy {
  readonly metadata: { readonly namespace?: string };
  readonly spec: {
    readonly podSelector: LabelSelector;
    readonly policyTypes: readonly ('Ingress' | 'Egress')[];
    readonly ingress?: readonly Rule[];
    readonly egress?: readonly Rule[];
  };
}

/** A pod, or with an address alone, something outside the cluster. */
export type Peer =
  | { readonly namespace: string; readonly labels: Labels; readonly ports?: Readonly<Record<string, number>> }
  | { readonly address: string };

export interface Connection {
  readonly from: Peer;
  readonly to: Peer;
  readonly port: number;
  readonly protocol?: 'TCP' | 'UDP';
}

/**
 * Whether the policies let a connection through, by the rules of Kubernetes: a pod that no policy selects for a direction
 * is open in it, one that some select takes what any of them allows. Covers matchLabels, not matchExpressions or port ranges.
 */
export function isAllowed(policies: readonly NetworkPolicy[], connection: Connection): boolean {
  const { from, to } = connection;
  return (
    passes(policies, 'Egress', from, to, connection) && passes(policies, 'Ingress', to, from, connection)
  );
}

function passes(
  policies: readonly NetworkPolicy[],
  direction: 'Ingress' | 'Egress',
  subject: Peer,
  other: Peer,
  connection: Connection,
): boolean {
  const isolating = policies.filter(
    ({ metadata, spec }) =>
      'namespace' in subject &&
      metadata.namespace === subject.namespace &&
      spec.policyTypes.includes(direction) &&
      matches(spec.podSelector.matchLabels ?? {}, subject.labels),
  );
  if (isolating.length === 0) return true;
  return isolating.some(({ metadata, spec }) =>
    (direction === 'Ingress' ? (spec.ingress ?? []) : (spec.egress ?? [])).some(
      (rule) =>
        isPort(rule.ports, connection) &&
        isPeer(direction === 'Ingress' ? rule.from : rule.to, other, metadata.namespace ?? ''),
    ),
  );
}

function isPort(
  ports: readonly PolicyPort[] | undefined,
  { to, port, protocol = 'TCP' }: Connection,
): boolean {
  if (ports === undefined || ports.length === 0) return true;
  return ports.some((allowed) => {
    if ((allowed.protocol ?? 'TCP') !== protocol) return false;
    const named = 'ports' in to && typeof allowed.port === 'string' ? to.ports?.[allowed.port] : undefined;
    return allowed.port === undefined || allowed.port === port || named === port;
  });
}

function isPeer(peers: readonly PolicyPeer[] | undefined, other: Peer, namespace: string): boolean {
  if (peers === undefined || peers.length === 0) return true;
  return peers.some(({ ipBlock, namespaceSelector, podSelector }) => {
    if (ipBlock !== undefined) return 'address' in other && isInBlock(other.address, ipBlock);
    if (!('namespace' in other)) return false;
    const inNamespace =
      namespaceSelector === undefined
        ? other.namespace === namespace
        : matches(namespaceSelector.matchLabels ?? {}, { 'kubernetes.io/metadata.name': other.namespace });
    return inNamespace && matches(podSelector?.matchLabels ?? {}, other.labels);
  });
}

function isInBlock(
  address: string,
  { cidr, except = [] }: { cidr: string; except?: readonly string[] },
): boolean {
  return isIn(address, cidr) && !except.some((hole) => isIn(address, hole));
}

function isIn(address: string, cidr: string): boolean {
  const [base = '', bits = '32'] = cidr.split('/');
  const size = 2 ** (32 - Number(bits));
  return Math.floor(number(address) / size) === Math.floor(number(base) / size);
}

function number(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}
