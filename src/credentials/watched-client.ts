/**
 * The calls to a provider with an organization's own credential, watched: that it was taken, or refused, is noted where
 * its owner sees it, and no secret of it stands in a failure's text. Owns what is noted and how a refusal reads; what a
 * refusal means for the work is left to the verbs.
 */
import { noteCredentialFailure, noteCredentialUse } from '../db/queries/credentials.ts';
import type { CredentialRow } from '../db/tables/credentials.ts';
import { refusesCredential } from '../domain/credential.ts';
import { workerScope } from '../domain/scope.ts';
import { ProviderFailure } from '../providers/failure.ts';
import type { OwnSecret } from '../providers/own-connection.ts';
import type { ProviderClient } from '../providers/provider.ts';
import type { Services } from '../services.ts';

type Parts = Pick<Services, 'db' | 'clock' | 'log'>;

/** What is watched: the credential, and whether the job that is asked about was sent with another one. */
export interface Watched {
  readonly row: CredentialRow;
  readonly secret: OwnSecret;
  readonly sentWithAnother: boolean;
}

/** How exactly it is known when a credential was used last. */
const useMilliseconds = 60_000;

/** The same client, watched. */
export function watchedClient(parts: Parts, client: ProviderClient, watched: Watched): ProviderClient {
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      const answer = await work();
      await noteUse(parts, watched.row);
      return answer;
    } catch (error) {
      throw await told(parts, watched, error);
    }
  };
  const { deleteFiles } = client;
  return {
    async submit(submission, ports) {
      try {
        const answer = await client.submit(submission, ports);
        // Its id is to be saved at once; nothing may come between.
        void noteUse(parts, watched.row);
        return answer;
      } catch (error) {
        throw await told(parts, watched, error);
      }
    },
    find: (submission, signal) => call(() => client.find(submission, signal)),
    retrieve: (job, signal) => call(() => client.retrieve(job, signal)),
    cancel: (job, signal) => call(() => client.cancel(job, signal)),
    deleteFiles: deleteFiles && ((job, signal) => call(() => deleteFiles(job, signal))),
    async *results(job, cursor, signal) {
      try {
        yield* client.results(job, cursor, signal);
      } catch (error) {
        throw await told(parts, watched, error);
      }
    },
  };
}

async function noteUse(
  { db, clock, log }: Parts,
  { id, lastUsedAt, failingSince }: CredentialRow,
): Promise<void> {
  const now = clock.now();
  const before = new Date(now.getTime() - useMilliseconds);
  if (failingSince === null && lastUsedAt !== null && lastUsedAt >= before) return;
  await db
    .read((q) => noteCredentialUse(workerScope, q, id, { now, before }))
    .catch((error: unknown) => log.warn({ err: error }, 'the use of a credential could not be noted'));
}

/** The failure as it is told on; what is none of the provider's is passed on as it is. */
async function told({ db, clock, log }: Parts, watched: Watched, error: unknown): Promise<unknown> {
  if (!(error instanceof ProviderFailure)) return error;
  const { kind, status, retryAt } = error;
  const { row, secret } = watched;
  const [code, message] = [cleaned(error.code, secret), cleaned(error.message, secret)];
  if (refusesCredential({ status, code })) {
    const failure = `${message} (${code})`.toWellFormed().replaceAll('\0', '');
    await db
      .read((q) => noteCredentialFailure(workerScope, q, row.id, { now: clock.now(), failure }))
      .catch((cause: unknown) => log.warn({ err: cause }, 'the failure of a credential could not be noted'));
    return new ProviderFailure(kind, {
      code: 'credential_refused',
      message: `The provider refuses your organization's credential "${row.name}": ${failure}`,
      status,
      retryAt,
    });
  }
  if (status === 404 && watched.sentWithAnother) {
    // The account may be another one after all; that it knows no such job says nothing of the job.
    return new ProviderFailure('unavailable', {
      code: 'unknown_to_credential',
      message: `With the credential "${row.name}", which took the place of the one that the job was sent with, the provider does not know the job.`,
      retryAt,
    });
  }
  return new ProviderFailure(kind, { code, message, status, retryAt });
}

/** Shorter settings, such as a region, are words that a text may need. */
const secretCharactersMin = 16;

const cleaned = (text: string, { apiKey, more }: OwnSecret): string =>
  [apiKey, ...Object.values(more).filter(({ length }) => length >= secretCharactersMin)].reduce(
    (clean, secret) => clean.replaceAll(secret, '[redacted]'),
    text,
  );
