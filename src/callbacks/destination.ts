/**
 * Whether a callback URL may be called: by its text when it is saved, and by the addresses that its host has when it
 * is called. Owns both questions; asking a name server is handed in, and connecting is `post.ts`.
 */
import { isIP } from 'node:net';
import type { AllowList } from './allow-list.ts';
import { isPublicAddress } from './public-address.ts';

/** The addresses of a host name, at least one. Rejects with the system's error where there are none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

const charactersMax = 2048;

/** Why no call to the URL could ever be allowed, as the end of a sentence that begins with its field; else null. */
export function refusalOf(text: string, allow: AllowList): string | null {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    return 'must be an absolute URL that begins with https.';
  if (url.href.length > charactersMax) return `may have at most ${charactersMax} characters.`;
  if (`${url.username}${url.password}` !== '') return 'must carry no user and no password.';
  if (url.hash !== '') return 'must have no fragment.';
  if (allow.names(url)) return null;
  const isPlain = url.protocol === 'http:';
  const refusal = isPlain ? plainRefusal : addressRefusal;
  const address = literalIn(url);
  if (address !== null) return isPermitted(address, isPlain, allow) ? null : refusal;
  // Where any other name leads is seen when it is called.
  return !allow.hasNetworks && (isPlain || isLocalName(url.hostname)) ? refusal : null;
}

const addressRefusal = 'must lead to a public address; others are allowed by the setting CALLBACK_ALLOW.';
const plainRefusal = 'must begin with https; http is taken only for what the setting CALLBACK_ALLOW allows.';

/** A host of which some address may not be called. Tells no address: it may be one of the network's own. */
export class ForbiddenAddressError extends Error {
  constructor() {
    super('its host has an address that must not be called');
    this.name = 'ForbiddenAddressError';
  }
}

/**
 * The addresses to connect to, and none but these: the host's own where it is one, else all that it has now. Throws
 * `ForbiddenAddressError` where even one of them may not be called, and the system's error where there are none.
 */
export async function addressesOf(url: URL, allow: AllowList, resolve: Resolve): Promise<readonly string[]> {
  const literal = literalIn(url);
  const addresses = literal === null ? await resolve(url.hostname) : [literal];
  const isPlain = url.protocol === 'http:';
  const permitted = allow.names(url) || addresses.every((address) => isPermitted(address, isPlain, allow));
  if (!permitted || addresses.length === 0) throw new ForbiddenAddressError();
  return addresses;
}

/** What is public is called over https alone: what is sent in the clear must stay in a network that is trusted. */
const isPermitted = (address: string, isPlain: boolean, allow: AllowList): boolean =>
  allow.holds(address) || (!isPlain && isPublicAddress(address));

/** The address that the host is; null for a name. By then a URL has it in canonical form, however it was written. */
function literalIn({ hostname }: URL): string | null {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return isIP(bare) === 0 ? null : bare;
}

const isLocalName = (hostname: string): boolean => /(?:^|\.)localhost\.?$/.test(hostname);
