import { describe, expect, it } from 'vitest';
import { isAllowed, type NetworkPolicy, type Peer } from './network-policy.js';

const APP: Peer = { namespace: 'a', labels: { app: 'x' }, ports: { http: 8080 } };
const FRIEND: Peer = { namespace: 'a', labels: { app: 'friend' } };
const STRANGER: Peer = { namespace: 'b', labels: { app: 'friend' } };
const OUTSIDE: Peer = { address: '52.1.2.3' };

function policy(spec: Partial<NetworkPolicy['spec']>): NetworkPolicy {
  return {
    metadata: { namespace: 'a' },
    spec: { podSelector: { matchLabels: { app: 'x' } }, policyTypes: ['Ingress', 'Egress'], ...spec },
  };
}

const into = (from: Peer, port = 8080) => ({ from, to: APP, port });
const outOf = (to: Peer, port: number) => ({ from: APP, to, port });

describe('a network policy', () => {
  it('that selects nobody leaves all open', () => {
    expect(isAllowed([], into(STRANGER))).toBe(true);
    expect(isAllowed([policy({ podSelector: { matchLabels: { app: 'y' } } })], into(STRANGER))).toBe(true);
    expect(isAllowed([{ ...policy({}), metadata: { namespace: 'b' } }], into(STRANGER))).toBe(true);
  });

  it('without rules closes the directions that it names, and no others', () => {
    expect(isAllowed([policy({})], into(FRIEND))).toBe(false);
    expect(isAllowed([policy({})], outOf(OUTSIDE, 443))).toBe(false);
    expect(isAllowed([policy({ policyTypes: ['Ingress'] })], outOf(OUTSIDE, 443))).toBe(true);
  });

  it('selects peers of its own namespace unless it names another', () => {
    const own = policy({ ingress: [{ from: [{ podSelector: { matchLabels: { app: 'friend' } } }] }] });
    expect(isAllowed([own], into(FRIEND))).toBe(true);
    expect(isAllowed([own], into(STRANGER))).toBe(false);
    const other = policy({
      ingress: [{ from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'b' } } }] }],
    });
    expect(isAllowed([other], into(STRANGER))).toBe(true);
    expect(isAllowed([other], into(FRIEND))).toBe(false);
  });

  it('that names namespace and pod in one peer wants both', () => {
    const both = policy({
      ingress: [
        {
          from: [
            {
              namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'b' } },
              podSelector: { matchLabels: { app: 'other' } },
            },
          ],
        },
      ],
    });
    expect(isAllowed([both], into(STRANGER))).toBe(false);
  });

  it('knows ports by number, by the name that the target gives them, and by protocol', () => {
    const named = policy({ ingress: [{ ports: [{ port: 'http' }] }] });
    expect(isAllowed([named], into(FRIEND, 8080))).toBe(true);
    expect(isAllowed([named], into(FRIEND, 9090))).toBe(false);
    const dns = policy({ egress: [{ ports: [{ port: 53, protocol: 'UDP' }] }] });
    expect(isAllowed([dns], { from: APP, to: OUTSIDE, port: 53, protocol: 'UDP' })).toBe(true);
    expect(isAllowed([dns], { from: APP, to: OUTSIDE, port: 53 })).toBe(false);
  });

  it('takes addresses in a block and not in its holes', () => {
    const block = { cidr: '52.0.0.0/8', except: ['52.1.0.0/16'] };
    const outward = policy({ egress: [{ to: [{ ipBlock: block }] }] });
    expect(isAllowed([outward], outOf({ address: '52.2.0.1' }, 443))).toBe(true);
    expect(isAllowed([outward], outOf(OUTSIDE, 443))).toBe(false);
    expect(isAllowed([outward], outOf({ address: '53.0.0.1' }, 443))).toBe(false);
    expect(isAllowed([outward], outOf(FRIEND, 443))).toBe(false);
  });

  it('adds to what others allow', () => {
    const fromFriend = policy({ ingress: [{ from: [{ podSelector: { matchLabels: { app: 'friend' } } }] }] });
    expect(isAllowed([policy({}), fromFriend], into(FRIEND))).toBe(true);
  });
});
