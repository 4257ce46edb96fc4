/** What an operator allows beside the public network, as `CALLBACK_ALLOW` has it: networks, and hosts by name. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The list, to be asked. */
export interface AllowList {
  /** Whether the URL's host is named, with its port or with none; then it may lie anywhere. */
  names(url: URL): boolean;
  /** Whether the address lies in one of the networks. */
  holds(address: string): boolean;
  /** Whether there is any network, so that a name might lead into one. */
  readonly hasNetworks: boolean;
}

/**
 * The list of these entries: `10.0.0.0/8`, an address alone, `hooks.internal`, `hooks.internal:8443`, `[::1]:8080`.
 * Throws a `TypeError` for anything else, which the configuration has refused before.
 */
export function readAllowList(entries: readonly string[]): AllowList {
  const networks = entries.filter(isNetwork).map(networkOf);
  const hosts = entries.filter((entry) => !isNetwork(entry)).map(hostOf);
  return {
    names: (url) =>
      hosts.some(({ name, port }) => name === url.hostname && (port === null || port === portOf(url))),
    holds(address) {
      if (isIP(address) === 0) return false;
      const parsed = ipaddr.parse(address);
      return networks.some((network) => network[0].kind() === parsed.kind() && parsed.match(network));
    },
    hasNetworks: networks.length > 0,
  };
}

const isNetwork = (entry: string): boolean => entry.includes('/') || isIP(entry) !== 0;

const networkOf = (entry: string) =>
  ipaddr.parseCIDR(entry.includes('/') ? entry : `${entry}/${isIP(entry) === 4 ? 32 : 128}`);

function hostOf(entry: string): { readonly name: string; readonly port: string | null } {
  const [, host = '', port = null] = /^(.+?)(?::(\d+))?$/.exec(entry) ?? [];
  return { name: new URL(`http://${host}`).hostname, port };
}

const portOf = ({ port, protocol }: URL): string => port || (protocol === 'https:' ? '443' : '80');
