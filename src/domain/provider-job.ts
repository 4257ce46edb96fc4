/**
 * A provider's batch that a person names: what its id may look like, and the words in the provider's own answer by
 * which it may turn out to be a job's already. Asking for it is left to `batches/named-batch.ts`.
 */
import { z } from 'zod';
import { nonceLength } from './ids.ts';

/** An id as providers write them: `batch_abc`, `batches/abc`, an ARN. It becomes a part of addresses. */
export const providerJobIdSchema = z
  .string()
  .regex(
    /^(?!.*\.\.)[A-Za-z0-9][\w.:/-]{0,511}$/,
    "providerJobId must be the provider's id of the batch, just as the provider writes it.",
  );

/** How many characters end the path at which a provider is told to call us about a job. */
const callbackTokenLength = 32;

/**
 * The words of a provider's answer that may be the nonce of a job, or the end of the path that its provider was told
 * to call: whichever of them we have given away, the batch is that job's.
 */
export const marksIn = (raw: string): string[] => [
  ...new Set(
    raw.match(/[a-z0-9]+/g)?.filter(({ length }) => length === nonceLength || length === callbackTokenLength),
  ),
];
