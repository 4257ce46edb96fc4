/**
 * The checks that a real service can be asked, without faults and without a clock to turn: one small job, followed
 * to its end, and the questions that cost nothing. Owned here: which checks these are and how each is answered on
 * one job. Left to the caller: waiting, and whether money may be spent.
 */
import type { Clock } from '../../clock.ts';
import { isFinalJob } from '../../domain/status.ts';
import { strangerKey } from '../emulation.ts';
import type { Connection, JobReport, Provider, ProviderClient, ResultChunk } from '../provider.ts';
import { bodyFor, type Draft, draftJob, noGuard, noSignal } from './bench.ts';
import { demand, failureFrom, skip } from './demands.ts';

/** What a live audit is given. */
export interface LiveAudit {
  readonly provider: Provider;
  readonly connection: Connection;
  readonly clock: Clock;
  /** Unique to this run, 20 characters of `[a-z0-9]`. */
  readonly nonce: string;
  /** Waits before the next question; throws to give up. */
  wait(seconds: number): Promise<void>;
  /** Is told the job's state after each question. */
  onReport?(report: JobReport): void;
}

/** The job of a live audit, from its submission to its results. */
export interface LiveJob {
  readonly audit: LiveAudit;
  readonly client: ProviderClient;
  readonly draft: Draft;
  readonly providerJobId: string;
  /** Every report from the first to the final one. */
  readonly reports: readonly JobReport[];
  readonly chunks: readonly ResultChunk[];
}

const pauseSeconds = 30;

/** Sends one job of the fewest requests, waits for its end and reads its results. */
export async function runLiveJob(audit: LiveAudit): Promise<LiveJob> {
  const { provider, connection, clock, nonce } = audit;
  const client = provider.connect(connection, { clock });
  const bodies = Array.from({ length: Math.max(2, provider.limits.requestsMin) }, (_, index) =>
    bodyFor(provider, `Say the number ${index} in one word.`, index),
  );
  const draft = draftJob(provider, bodies, nonce, clock.now());
  const { providerJobId, report } = await client.submit(draft.submission({ callbackUrl: null }), {
    async *items() {
      yield* draft.items;
    },
    saveCheckpoint: async (checkpoint) => {
      draft.checkpoint = checkpoint;
    },
    signal: noSignal,
    guard: noGuard,
  });
  const job = {
    providerJobId,
    requestCount: bodies.length,
    checkpoint: draft.checkpoint,
    cancelRequestedAt: null,
  };
  const reports = [report];
  audit.onReport?.(report);
  let last = report;
  while (last.status === null || !isFinalJob(last.status)) {
    await audit.wait(pauseSeconds);
    last = await client.retrieve(job, noSignal);
    reports.push(last);
    audit.onReport?.(last);
  }
  const chunks: ResultChunk[] = [];
  if (last.resultsReady) {
    for await (const chunk of client.results({ ...job, report: last }, null, noSignal)) chunks.push(chunk);
  }
  return { audit, client, draft, providerJobId, reports, chunks };
}

/** How each check that can be asked of a real service is answered, by the check's permanent id. */
export const liveChecks: Readonly<Record<string, (job: LiveJob) => Promise<void> | void>> = {
  'BQ-S01': ({ reports: [first], providerJobId }) => {
    demand(first !== undefined && first.status !== 'FAILED', `it begins as ${first?.status}`);
    demand(first.raw.includes(providerJobId), 'the report does not carry what the provider said');
  },
  'BQ-F01': async ({ audit: { provider }, client, draft, providerJobId }) => {
    const { recovery, recoveryNeedsCallback } = provider.capabilities;
    if (recovery === 'NONE' || recoveryNeedsCallback) skip('it is found only by a callback URL');
    const sightings = await client.find(draft.submission(), noSignal);
    demand(
      sightings.some((sighting) => sighting.providerJobId === providerJobId),
      'it was not found',
    );
  },
  'BQ-R01': ({ reports }) => {
    const words = reports.map(({ status }) => status);
    demand(words.at(-1) === 'COMPLETED', `it ended as ${words.at(-1)}`);
    demand(
      words.slice(0, -1).every((word) => word === 'PENDING' || word === 'RUNNING'),
      `it was reported as ${words.join(', ')}`,
    );
  },
  'BQ-R03': async ({ client, providerJobId, draft }) => {
    const unknown = {
      providerJobId: providerJobId.replace(/[a-z0-9]{4}$/i, '0000'),
      requestCount: draft.items.length,
      checkpoint: null,
      cancelRequestedAt: null,
    };
    const failure = await failureFrom(() => client.retrieve(unknown, noSignal), 'rejected');
    demand(failure.status === 404, `the failure carries the status ${failure.status}`);
  },
  'BQ-R05': ({ reports, draft }) => {
    for (const { counts } of reports) {
      demand(counts.total === null || counts.total === draft.items.length, `the total is ${counts.total}`);
    }
  },
  'BQ-R08': ({ reports }) => demand(reports.at(-1)?.resultsReady === true, 'its results are not ready'),
  'BQ-E05': async ({ audit: { provider, connection, clock }, draft, providerJobId }) => {
    const client = provider.connect({ ...connection, apiKey: strangerKey }, { clock });
    const job = {
      providerJobId,
      requestCount: draft.items.length,
      checkpoint: null,
      cancelRequestedAt: null,
    };
    if (provider.settings.apiKeyMeaning !== undefined) skip('what makes this provider live is no key');
    const { status } = await failureFrom(() => client.retrieve(job, noSignal), 'rejected');
    demand(status === 401 || status === 403, `the failure carries the status ${status}`);
  },
  'BQ-C01': ({ audit: { provider }, chunks, draft }) => {
    const keys = chunks
      .flatMap(({ lines }) => lines)
      .map((line) => provider.decoding.decode(line))
      .map((decoded) => (decoded.kind === 'result' ? decoded.key : ''));
    demand([...keys].sort().join() === [...draft.names].sort().join(), 'the keys are not those of the items');
  },
  'BQ-D01': ({ audit: { provider }, chunks }) => {
    const { tells } = provider.capabilities;
    for (const line of chunks.flatMap(({ lines }) => lines)) {
      const decoded = provider.decoding.decode(line);
      demand(
        decoded.kind === 'result' && decoded.outcome.status === 'SUCCEEDED',
        'a request did not succeed',
      );
      const { usage, stopReason } = decoded.outcome;
      demand(!tells.includes('tokens') || usage.outputTokens !== null, 'its tokens are missing');
      demand(!tells.includes('stopReason') || stopReason !== null, 'its stop reason is missing');
      demand(!tells.includes('text') || provider.decoding.readText(line) !== null, 'its text is missing');
    }
  },
};
