import { isIP } from 'node:net';

/** A name or an IPv4 address, or an IPv6 address in brackets; a port or none (RFC 9112, 3.2). */
const HOST = /^(?:\[([\da-f:.]+)\]|([^\s:/?#@[\]]+))(?::\d+)?$/i;

/**
 * Whether a request may ask by this `Host`: this machine's own names, addresses, and what is allowed besides. Any other name
 * may be one that somebody else's DNS has pointed here, so that a browser gives that page what is for this one.
 * @param allowed names in lower case
 */
export function isAllowedHost(header: string | undefined, allowed: ReadonlySet<string>): boolean {
  const [, bracketed, plain = ''] = HOST.exec(header ?? '') ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6;
  const name = plain.toLowerCase().replace(/\.$/, '');
  return isIP(name) === 4 || name === 'localhost' || name.endsWith('.localhost') || allowed.has(name);
}
