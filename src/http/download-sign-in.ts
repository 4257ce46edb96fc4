/**
 * Sign-in for downloads: a key or a read token in a header as everywhere, or a link that carries its own proof, because a
 * browser that follows one sends no header. A link that is over, altered or of another download is told from none by
 * nothing.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SignedInKey } from '../db/queries/organizations.ts';
import type { DownloadKind } from '../domain/download.ts';
import { hashOfKey, signInByGrant } from '../sign-in.ts';
import type { ApiOptions } from './graphql.ts';
import { admit, signInPlain } from './plain-sign-in.ts';

/** Whoever may have this download; null after answering 401 or 429. */
export async function signInToDownload(
  request: IncomingMessage,
  response: ServerResponse,
  options: ApiOptions,
  { batchId, kind, link }: { batchId: string; kind: DownloadKind; link: string | null },
): Promise<SignedInKey | null> {
  if (link === null) return signInPlain(request, response, options);
  const { services, sandbox } = options;
  const lookUp = async () => {
    const viewer = await signInByGrant(services, link, sandbox);
    const { reads, batchIds } = viewer?.grant ?? {};
    return reads === kind && batchIds?.[0] === batchId.toLowerCase() ? viewer : null;
  };
  return admit(request, response, options, (address) =>
    services.rates.signIns.trying(address, hashOfKey(link), lookUp),
  );
}
