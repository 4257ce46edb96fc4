/** Where a request comes from is what the connection says, and what proxies say that the operator trusts. */
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { readingAddresses } from '../../src/http/client-address.ts';

function asked(remoteAddress: string, forwarded?: string | string[]) {
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress });
  return { socket, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded } };
}

describe('The address of a caller', () => {
  const addressOf = readingAddresses(['10.0.0.0/8', '::1']);

  it.each<[string, string, string | string[] | undefined, string]>([
    ['is the one that the connection has', '192.0.2.7', undefined, '192.0.2.7'],
    ['is that also where the caller says another', '192.0.2.7', '198.51.100.9', '192.0.2.7'],
    ['is what a trusted proxy says', '10.1.2.3', '198.51.100.9', '198.51.100.9'],
    ['is what the nearest trusted proxy says', '10.1.2.3', '203.0.113.1, 198.51.100.9', '198.51.100.9'],
    ['is found through several of them', '::1', '198.51.100.9, 10.9.9.9', '198.51.100.9'],
    ['is found in several headers', '10.1.2.3', ['203.0.113.1', '198.51.100.9'], '198.51.100.9'],
    ['is the proxy where it says nothing', '10.1.2.3', undefined, '10.1.2.3'],
    ['is the proxy where it says no address', '10.1.2.3', 'unknown', '10.1.2.3'],
    ['is IPv4 where IPv6 carries it', '::ffff:192.0.2.7', undefined, '192.0.2.7'],
    ['is a trusted proxy also where IPv6 carries it', '::ffff:10.1.2.3', '198.51.100.9', '198.51.100.9'],
    ['is the /64 of IPv6', '2001:db8:1:2:3:4:5:6', undefined, '2001:db8:1:2::'],
    ['is nothing where the connection is gone', '', undefined, ''],
  ])('%s', (_title, remote, forwarded, address) => {
    expect(addressOf(asked(remote, forwarded))).toBe(address);
  });
});
