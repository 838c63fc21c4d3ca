import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { SourceFailure } from './source-failure.js';

/**
 * Where clouds and orchestrators hand credentials to whoever asks from this machine. Nobody serves models there, so
 * that a server that sends us there wants what they say. Addresses of IPv4 in the forms of IPv6 count as well.
 */
const FORBIDDEN = new BlockList();
FORBIDDEN.addSubnet('169.254.0.0', 16, 'ipv4'); // link-local, the metadata of most clouds
FORBIDDEN.addSubnet('fe80::', 10, 'ipv6');
FORBIDDEN.addSubnet('fd00:ec2::', 32, 'ipv6'); // AWS: metadata, time, pod identity
FORBIDDEN.addAddress('fd20:ce::254', 'ipv6'); // Google Cloud
FORBIDDEN.addAddress('100.100.100.200', 'ipv4'); // Alibaba Cloud
FORBIDDEN.addAddress('168.63.129.16', 'ipv4'); // Azure
FORBIDDEN.addAddress('192.0.0.192', 'ipv4'); // Oracle Cloud
FORBIDDEN.addSubnet('::169.254.0.0', 112, 'ipv6'); // link-local behind what translates IPv6 to IPv4
FORBIDDEN.addSubnet('64:ff9b::169.254.0.0', 112, 'ipv6');
FORBIDDEN.addSubnet('2002:a9fe::', 32, 'ipv6');

const METADATA_NAME = /^(metadata(\.google\.internal|\.goog)?|instance-data(\.ec2\.internal)?)$/i;

function isForbiddenAddress(address: string): boolean {
  const [plain = ''] = address.split('%', 1);
  const family = isIP(plain);
  return family !== 0 && FORBIDDEN.check(plain, family === 6 ? 'ipv6' : 'ipv4');
}

/** @param hostname as a URL gives it: IPv4 in any notation is four decimal numbers by then, IPv6 stands in brackets */
export function isForbiddenHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  return METADATA_NAME.test(host) || isForbiddenAddress(host);
}

/** @param target host that a server sent us to */
export function forbiddenRedirect(target: string): SourceFailure {
  return new SourceFailure(
    'permanent',
    `a redirect leads to ${target}, a link-local or metadata address, which is refused; use a URL that leads elsewhere`,
  );
}

/**
 * Resolves a name for a connection, so that the addresses that are judged are those that are connected to: a name that
 * resolves to another one a moment later gains nothing. One forbidden address among several refuses all.
 */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) return callback(error, '', 0);
    if (addresses.some(({ address }) => isForbiddenAddress(address))) {
      return callback(forbiddenRedirect(hostname), '', 0);
    }
    if (options.all === true) return callback(null, addresses);
    return callback(null, first.address, first.family);
  });
};
