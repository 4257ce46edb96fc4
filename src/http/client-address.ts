/**
 * Which address a request comes from. Behind a proxy that the operator trusts it is what that proxy says; what others
 * say of themselves is not believed.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Tells the address to count by: of IPv6 the /64, because whoever has one address of it has them all. */
export type ClientAddress = (request: Pick<IncomingMessage, 'socket' | 'headers'>) => string;

/** A reader that believes these proxies: networks and addresses, as `TRUSTED_PROXIES` has them. */
export function readingAddresses(trusted: readonly string[]): ClientAddress {
  const networks = trusted.map((entry) =>
    ipaddr.parseCIDR(entry.includes('/') ? entry : `${entry}/${isIP(entry) === 4 ? 32 : 128}`),
  );
  const isTrusted = (address: string): boolean => {
    if (isIP(address) === 0) return false;
    const parsed = ipaddr.parse(address);
    return networks.some((network) => network[0].kind() === parsed.kind() && parsed.match(network));
  };
  return ({ socket, headers }) => {
    const said = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
    let address = canonical(socket.remoteAddress ?? '');
    // Each proxy writes down who called it, so that the last word is the nearest one's.
    while (isTrusted(address)) {
      const before = canonical((said.pop() ?? '').trim());
      if (before === '') break;
      address = before;
    }
    return isIP(address) === 6 ? ipaddr.IPv6.networkAddressFromCIDR(`${address}/64`).toString() : address;
  };
}

/** The reader that believes nobody: whoever calls is who has called. */
export const peerAddress: ClientAddress = readingAddresses([]);

/** The address in its one form, IPv4 where it is one in disguise; nothing where it is none. */
const canonical = (text: string): string => (isIP(text) === 0 ? '' : ipaddr.process(text).toString());
