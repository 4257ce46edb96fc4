/**
 * Which addresses belong to everybody. A callback URL is a caller's own text, so that whatever is only reachable from
 * where this service runs, a database, a neighbour, a cloud's metadata, must not be reachable through it.
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** All that IANA has given out as global unicast; addresses that wrap an IPv4 one lie elsewhere or are named. */
const globalUnicast = ipaddr.parseCIDR('2000::/3');
/** Within it: documentation (RFC 9637), which the package does not know. */
const documentation = ipaddr.parseCIDR('3fff::/20');
/** Public by its number, and Azure's own inside of Azure: it hands out the machine's certificates. */
const azureWireServer = '168.63.129.16';

/**
 * Whether the address, in its canonical text, is a public one: none that is private, of this machine or link, shared,
 * reserved or for many, and none that carries an IPv4 address inside an IPv6 one. False for what is no address.
 */
export function isPublicAddress(text: string): boolean {
  if (isIP(text) === 0 || text.includes('%')) return false;
  const address = ipaddr.parse(text);
  if (address.range() !== 'unicast' || text === azureWireServer) return false;
  return address.kind() === 'ipv4' || (address.match(globalUnicast) && !address.match(documentation));
}
