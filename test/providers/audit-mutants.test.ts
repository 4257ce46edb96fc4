/**
 * Proves that the checks of the audit can fail: each provider here is the real one with one rule off, and turns
 * exactly the checks of that rule red. The checks that take long, because they need many jobs or lines, are run
 * only with the others of their subject.
 */
import { expect, test } from 'vitest';
import { readJsonLine } from '../../src/domain/json-line.ts';
import { anthropic } from '../../src/providers/anthropic/index.ts';
import { auditProvider, checks } from '../../src/providers/audit.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { ProviderFailure, type ProviderFailureKind } from '../../src/providers/failure.ts';
import { letta } from '../../src/providers/letta/index.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type {
  Connection,
  DecodedLine,
  JobReport,
  Outcome,
  Provider,
  ProviderClient,
  ResultChunk,
  SubmissionItem,
  SubmitPorts,
  Webhook,
  WebhookCall,
} from '../../src/providers/provider.ts';
import { sync } from '../../src/providers/sync/index.ts';
import { xai } from '../../src/providers/xai/index.ts';

type ChangeClient = (
  client: ProviderClient,
  connection: Connection,
  now: () => Date,
) => Partial<ProviderClient>;

/** A provider whose client does some things differently. */
const withClient = (provider: Provider, change: ChangeClient): Provider => ({
  ...provider,
  connect(connection, services) {
    const client = provider.connect(connection, services);
    return { ...client, ...change(client, connection, services.clock.now) };
  },
});

const client = (change: ChangeClient): Provider => withClient(anthropic, change);

/** Reports, once asked for, say something else. */
const reports = (change: (report: JobReport) => Partial<JobReport>): Provider =>
  client(({ retrieve }) => ({
    async retrieve(job, signal) {
      const report = await retrieve(job, signal);
      return { ...report, ...change(report) };
    },
  }));

/** Failures of some calls become others. */
const failures = (
  calls: ReadonlyArray<'submit' | 'find' | 'retrieve' | 'cancel'>,
  change: (
    failure: ProviderFailure,
    connection: Connection,
    now: () => Date,
    args: readonly unknown[],
  ) => unknown,
): Provider =>
  client((real, connection, now) => {
    const guarded =
      <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
      (...args: A): Promise<R> =>
        call(...args).catch((thrown: unknown) => {
          throw thrown instanceof ProviderFailure ? change(thrown, connection, now, args) : thrown;
        });
    return Object.fromEntries(calls.map((name) => [name, guarded(real[name] as () => Promise<never>)]));
  });

/** First reports say something else. */
const withSubmit = (changes: Partial<JobReport>): Provider =>
  client(({ submit }) => ({
    async submit(submission, ports) {
      const { providerJobId, report } = await submit(submission, ports);
      return { providerJobId, report: { ...report, ...changes } };
    },
  }));

const as = (kind: ProviderFailureKind, { code, message, status, retryAt }: ProviderFailure, changes = {}) =>
  new ProviderFailure(kind, { code, message, status, retryAt, ...changes });

/** Result chunks come out otherwise. */
const chunks = (change: (chunk: ResultChunk) => ResultChunk): Provider =>
  client(({ results }) => ({
    async *results(job, cursor, signal) {
      for await (const chunk of results(job, cursor, signal)) yield change(chunk);
    },
  }));

/** Outcomes are read otherwise. */
const outcomes = (change: (outcome: Outcome) => Partial<Outcome>): Provider => ({
  ...anthropic,
  decoding: {
    ...anthropic.decoding,
    decode(line) {
      const decoded = anthropic.decoding.decode(line);
      if (decoded.kind !== 'result') return decoded;
      return { ...decoded, outcome: { ...decoded.outcome, ...change(decoded.outcome) } };
    },
  },
});

/** A provider that can see what its emulator holds. */
const seeing = (change: (emulator: () => Emulator) => Provider): Provider => {
  let emulator: Emulator | undefined;
  const provider = change(() => emulator!);
  return {
    ...provider,
    async emulate(options) {
      emulator = await provider.emulate(options);
      return emulator;
    },
  };
};

const collectItems = async (ports: SubmitPorts) => {
  const items: SubmissionItem[] = [];
  let broken = false;
  try {
    for await (const item of ports.items()) items.push(item);
  } catch {
    broken = true;
  }
  const lineBytes = items.map((item) => {
    const { before, after } = anthropic.encoding.envelope(item);
    return Buffer.byteLength(before + item.body + after);
  });
  const encodedBytes = lineBytes.reduce(
    (sum, bytes) => sum + bytes,
    anthropic.encoding.frameBytes(items.length),
  );
  return {
    broken,
    encodedBytes,
    ports: {
      ...ports,
      async *items() {
        yield* items;
      },
    },
  };
};

/** A provider whose calls to us are read otherwise. */
const withCalls = (provider: Provider, change: (real: Webhook) => Webhook['read']): Provider => {
  const { webhook } = provider;
  return webhook === null ? provider : { ...provider, webhook: { ...webhook, read: change(webhook) } };
};

/** When a call of sync.so says that it was signed. */
const signedAt = ({ headers }: WebhookCall): Date =>
  new Date(Number(/t=(\d+)/.exec(headers.get('sync-signature') ?? '')?.[1]) * 1000);

const inSeconds = (now: () => Date, seconds: number) => new Date(now().getTime() + seconds * 1000);

/** One rule off each: what the provider does, and the check that has to notice. */
const mutants: (readonly [ids: readonly string[], rule: string, provider: Provider])[] = [
  [
    ['BQ-L01'],
    'claims that a job may be empty',
    { ...anthropic, limits: { ...anthropic.limits, requestsMin: 0 } },
  ],
  [
    ['BQ-L02'],
    'claims a smaller maximum than there is',
    { ...anthropic, limits: { ...anthropic.limits, requestsMax: 9 } },
  ],
  [
    ['BQ-L03'],
    'writes a body anew when it reads a line',
    {
      ...anthropic,
      dialect: {
        ...anthropic.dialect,
        read(line) {
          const draft = anthropic.dialect.read(line);
          return draft && { ...draft, body: JSON.stringify(JSON.parse(draft.body)) };
        },
      },
    },
  ],
  [
    ['BQ-L04'],
    'takes any object for one of its lines',
    {
      ...anthropic,
      dialect: {
        ...anthropic.dialect,
        read: (line) => anthropic.dialect.read(line) ?? { customId: null, endpoint: null, body: '{}' },
      },
    },
  ],
  [
    ['BQ-L05'],
    'finds nothing wrong with any body',
    {
      ...anthropic,
      dialect: {
        ...anthropic.dialect,
        inspect: (request) => ({ ...anthropic.dialect.inspect(request), problems: [] }),
      },
    },
  ],
  [
    ['BQ-L06'],
    'claims a larger minimum than there is',
    { ...anthropic, limits: { ...anthropic.limits, requestsMin: 5 } },
  ],
  [
    ['BQ-L07'],
    'needs a setting that its connection does not have',
    {
      ...anthropic,
      settings: {
        ...anthropic.settings,
        more: {
          region: { variable: 'REGION', required: true, pattern: /./, must: 'a region', meaning: 'Where.' },
        },
      },
    },
  ],
  [
    ['BQ-S15', 'BQ-S16'],
    'begins a submission anew that broke off',
    withClient(xai, ({ submit }) => ({
      submit: (submission, ports) => submit({ ...submission, checkpoint: null }, ports),
    })),
  ],
  [
    ['BQ-S16'],
    'takes what it began for complete',
    withClient(xai, ({ find }) => ({
      find: async (submission, signal) =>
        (await find(submission, signal)).map(({ unfinished: _, ...sighting }) => sighting),
    })),
  ],
  [['BQ-S01'], 'makes up its first report', withSubmit({ raw: '{}' })],
  [
    ['BQ-S02'],
    'sends the items backwards',
    client(({ submit }) => ({
      async submit(submission, ports) {
        const items: SubmissionItem[] = [];
        for await (const item of ports.items()) items.push(item);
        return submit(submission, {
          ...ports,
          async *items() {
            yield* items.toReversed();
          },
        });
      },
    })),
  ],
  [
    ['BQ-S03'],
    'writes escaped slashes plainly',
    client(({ submit }) => ({
      submit: (submission, ports) =>
        submit(submission, {
          ...ports,
          async *items() {
            for await (const item of ports.items())
              yield { ...item, body: item.body.replaceAll('\\/', ' /') };
          },
        }),
    })),
  ],
  [
    ['BQ-S04'],
    'measures for itself and ignores what the submission says',
    client(({ submit }) => ({
      async submit(submission, ports) {
        const { broken, encodedBytes, ports: collected } = await collectItems(ports);
        return broken ? submit(submission, ports) : submit({ ...submission, encodedBytes }, collected);
      },
    })),
  ],
  [
    ['BQ-S05'],
    'tries a creation again after a 500',
    client(({ submit }) => ({
      submit: (submission, ports) =>
        submit(submission, ports).catch((failure: ProviderFailure) => {
          if (failure.status === 500) return submit(submission, ports);
          throw failure;
        }),
    })),
  ],
  [
    ['BQ-S06'],
    'tries a creation again when a first look finds nothing',
    client(({ submit, find }) => ({
      submit: (submission, ports) =>
        submit(submission, ports).catch(async (failure: ProviderFailure) => {
          const lost = failure.kind === 'uncertain' && failure.status === null;
          if (!lost || (await find(submission, new AbortController().signal)).length > 0) throw failure;
          return submit(submission, ports);
        }),
    })),
  ],
  [
    ['BQ-S06', 'BQ-S07', 'BQ-S09'],
    'believes that a creation without an answer never happened',
    failures(['submit'], (failure, _connection, _now, [, ports]) => {
      const lost = failure.kind === 'uncertain' && failure.status === null;
      return lost && !(ports as SubmitPorts).signal.aborted ? as('unavailable', failure) : failure;
    }),
  ],
  [
    ['BQ-S08'],
    'calls a creation malformed whose answer it cannot read',
    failures(['submit'], (failure) =>
      failure.code === 'unreadable_answer' ? as('malformed', failure) : failure,
    ),
  ],
  [
    ['BQ-S10'],
    'is uncertain about a throttled creation',
    failures(['submit'], (failure) => (failure.kind === 'throttled' ? as('uncertain', failure) : failure)),
  ],
  [
    ['BQ-S11'],
    'would try a refused creation again',
    failures(['submit'], (failure) => (failure.status === 400 ? as('throttled', failure) : failure)),
  ],
  [
    ['BQ-S12'],
    'believes that an aborted creation never happened',
    failures(['submit'], (failure, _connection, _now, [, ports]) =>
      (ports as SubmitPorts).signal.aborted ? as('unavailable', failure) : failure,
    ),
  ],
  [
    ['BQ-S13'],
    'sends what it has when the items break off',
    client(({ submit }) => ({
      async submit(submission, ports) {
        const { broken, encodedBytes, ports: collected } = await collectItems(ports);
        return submit(broken ? { ...submission, encodedBytes } : submission, collected);
      },
    })),
  ],
  [
    ['BQ-S17'],
    'sends whatever the guard says',
    client(({ submit }) => ({
      submit: (submission, ports) => submit(submission, { ...ports, guard: () => undefined }),
    })),
  ],
  [
    ['BQ-F01'],
    'claims a proof that it does not have',
    client(({ find }) => ({
      find: async (submission, signal) =>
        (await find(submission, signal)).map((sighting) => ({ ...sighting, proof: 'EXACT' as const })),
    })),
  ],
  [
    ['BQ-F02'],
    'takes jobs of another size for ours',
    client(({ find }) => ({
      find: async (submission, signal) => [
        ...(await find(submission, signal)),
        ...(await find({ ...submission, requestCount: submission.requestCount - 2 }, signal)),
      ],
    })),
  ],
  [
    ['BQ-F03'],
    'takes jobs of yesterday for ours',
    client(({ find }) => ({
      find: (submission, signal) =>
        find({ ...submission, intentAt: inSeconds(() => submission.intentAt, -86_400) }, signal),
    })),
  ],
  [
    ['BQ-F04'],
    'looks at the newest page only',
    seeing((emulator) =>
      client(({ find }) => ({
        async find(submission, signal) {
          const newest = (await emulator().batches()).slice(-100).map(({ id }) => id);
          const sightings = await find(submission, signal);
          return sightings.filter(({ providerJobId }) => newest.includes(providerJobId));
        },
      })),
    ),
  ],
  [
    ['BQ-F05'],
    'keeps a prompt as evidence',
    client(({ find }) => ({
      find: async (submission, signal) =>
        (await find(submission, signal)).map((sighting) => ({
          ...sighting,
          evidence: { ...sighting.evidence, prompt: 'Item 0' },
        })),
    })),
  ],
  [
    ['BQ-F06'],
    'finds nothing in a list that it cannot read',
    client(({ find }) => ({
      find: (submission, signal) =>
        find(submission, signal).catch((failure: ProviderFailure) => {
          if (failure.kind === 'malformed') return [];
          throw failure;
        }),
    })),
  ],
  [
    ['BQ-R01'],
    "says the provider's word in its own way",
    reports(({ providerStatus }) => ({ providerStatus: providerStatus.replace('ended', 'finished') })),
  ],
  [['BQ-R02'], 'takes a new word for running', reports(({ status }) => ({ status: status ?? 'RUNNING' }))],
  [
    ['BQ-R03'],
    'would ask again for a job that does not exist',
    failures(['retrieve'], (failure) => (failure.status === 404 ? as('unavailable', failure) : failure)),
  ],
  [['BQ-R04'], 'writes the answer anew', reports(({ raw }) => ({ raw: JSON.stringify(JSON.parse(raw)) }))],
  [
    ['BQ-R05'],
    'counts one too many',
    reports(({ counts }) => ({ counts: { ...counts, errored: counts.errored && counts.errored + 1 } })),
  ],
  [
    ['BQ-R06'],
    'counts zero where it does not know',
    reports(({ counts }) => ({ counts: { ...counts, succeeded: counts.succeeded ?? 0 } })),
  ],
  [
    ['BQ-R07'],
    'would ask again for an answer that it cannot read',
    failures(['retrieve'], (failure) =>
      failure.kind === 'malformed' ? as('unavailable', failure) : failure,
    ),
  ],
  [['BQ-R08'], 'does not say when a job ended', reports(() => ({ endedAt: null }))],
  [
    ['BQ-R09'],
    'takes an expired job for a completed one',
    reports(({ status }) => ({ status: status === 'EXPIRED' ? 'COMPLETED' : status })),
  ],
  [
    ['BQ-E01'],
    'reads seconds as minutes',
    failures(['retrieve'], (failure, _connection, now) =>
      failure.retryAt?.getTime() === inSeconds(now, 120).getTime()
        ? as('throttled', failure, { retryAt: inSeconds(now, 120 * 60) })
        : failure,
    ),
  ],
  [
    ['BQ-E02'],
    'cannot read a date',
    failures(['retrieve'], (failure, _connection, now) =>
      failure.retryAt?.getTime() === inSeconds(now, 90).getTime()
        ? as('throttled', failure, { retryAt: null })
        : failure,
    ),
  ],
  [
    ['BQ-E04'],
    'makes up when a call may be tried again',
    failures(['retrieve'], (failure, _connection, now) =>
      failure.kind === 'throttled'
        ? as('throttled', failure, { retryAt: failure.retryAt ?? now() })
        : failure,
    ),
  ],
  [
    ['BQ-E05'],
    'quotes the key',
    failures(['retrieve'], (failure, { apiKey }) =>
      failure.status === 401
        ? as('rejected', failure, { message: `${failure.message} (${apiKey})` })
        : failure,
    ),
  ],
  [
    ['BQ-E06'],
    'asks a second time after a 500',
    client(({ retrieve }) => ({
      retrieve: (job, signal) =>
        retrieve(job, signal).catch((failure: ProviderFailure) => {
          if (failure.status === 500) return retrieve(job, signal);
          throw failure;
        }),
    })),
  ],
  [
    ['BQ-E07', 'BQ-E08'],
    'calls a question malformed whose answer got lost',
    failures(['find'], (failure) => (failure.status === null ? as('malformed', failure) : failure)),
  ],
  [
    ['BQ-E09'],
    'throws another error when it is aborted',
    failures(['retrieve'], (failure, _connection, _now, [, signal]) =>
      (signal as AbortSignal).aborted ? new Error('aborted') : failure,
    ),
  ],
  [
    ['BQ-E10'],
    'is uncertain about a creation that never connected',
    failures(['submit'], (failure) =>
      failure.code === 'connection_failed' ? as('uncertain', failure) : failure,
    ),
  ],
  [
    ['BQ-E11'],
    'puts the key into an address',
    client(({ submit }, { baseUrl, apiKey }) => ({
      async submit(submission, ports) {
        await fetch(`${baseUrl}/v1/hello?key=${apiKey}`).catch(() => null);
        return submit(submission, ports);
      },
    })),
  ],
  [
    ['BQ-C01', 'BQ-C02', 'BQ-C03'],
    'gives one line twice and another not at all',
    chunks(({ lines, cursor }) => {
      const [first, , ...others] = lines;
      return { cursor, lines: first === undefined || lines.length < 100 ? lines : [first, first, ...others] };
    }),
  ],
  [
    ['BQ-C02'],
    'begins anew whatever the cursor says',
    client(({ results }) => ({ results: (job, _cursor, signal) => results(job, null, signal) })),
  ],
  [
    ['BQ-C03'],
    'takes a torn stream for a malformed one',
    client(({ results }) => ({
      async *results(job, cursor, signal) {
        let begun = false;
        try {
          for await (const chunk of results(job, cursor, signal)) {
            begun = true;
            yield chunk;
          }
        } catch (failure) {
          throw begun && failure instanceof ProviderFailure ? as('malformed', failure) : failure;
        }
      },
    })),
  ],
  [
    ['BQ-C02', 'BQ-C04', 'BQ-C09'],
    'hands everything over at once',
    client(({ results }) => ({
      async *results(job, cursor, signal) {
        let whole: ResultChunk = { lines: [], cursor: cursor ?? '0' };
        try {
          for await (const chunk of results(job, cursor, signal)) {
            whole = { lines: [...whole.lines, ...chunk.lines], cursor: chunk.cursor };
          }
        } finally {
          if (whole.lines.length > 0) yield whole;
        }
      },
    })),
  ],
  [
    ['BQ-C05'],
    'writes lines anew',
    chunks(({ lines, cursor }) => ({
      cursor,
      lines: lines.map((line) => {
        const read = readJsonLine(line);
        return 'value' in read ? JSON.stringify(read.value) : line;
      }),
    })),
  ],
  [
    ['BQ-C06'],
    'drops lines that it cannot read',
    chunks(({ lines, cursor }) => ({ cursor, lines: lines.filter((line) => 'value' in readJsonLine(line)) })),
  ],
  [
    ['BQ-C07'],
    'has a look at a foreign host',
    client(({ results }) => ({
      async *results(job, cursor, signal) {
        const { results_url: url } = JSON.parse(job.report.raw);
        try {
          yield* results(job, cursor, signal);
        } catch (failure) {
          if (failure instanceof ProviderFailure && failure.code === 'foreign_results_url') await fetch(url);
          throw failure;
        }
      },
    })),
  ],
  [
    ['BQ-C08'],
    'takes results that are gone for none',
    client(({ results }) => ({
      async *results(job, cursor, signal) {
        try {
          yield* results(job, cursor, signal);
        } catch (failure) {
          if (!(failure instanceof ProviderFailure) || failure.kind === 'unavailable') throw failure;
          if (failure.kind === 'malformed') throw failure;
        }
      },
    })),
  ],
  [['BQ-D01'], 'does not tell the stop reason', outcomes(() => ({ stopReason: null }))],
  [
    ['BQ-D02'],
    'would try every failed request again',
    outcomes(({ retryable, status }) => ({ retryable: status === 'ERRORED' ? true : retryable })),
  ],
  [
    ['BQ-D03'],
    'would try no failed request again',
    outcomes(({ retryable, status }) => ({ retryable: status === 'ERRORED' ? false : retryable })),
  ],
  [
    ['BQ-D04'],
    'takes an expired request for an errored one',
    outcomes(({ status }) => ({ status: status === 'EXPIRED' ? 'ERRORED' : status })),
  ],
  [
    ['BQ-D05'],
    'counts zero tokens where none are told',
    outcomes(({ usage }) => ({ usage: { ...usage, cachedInputTokens: usage.cachedInputTokens ?? 0 } })),
  ],
  [
    ['BQ-D06'],
    'throws at a line that is no JSON',
    {
      ...anthropic,
      decoding: {
        ...anthropic.decoding,
        readText: (line) => JSON.parse(line) && anthropic.decoding.readText(line),
      },
    },
  ],
  [
    ['BQ-D07'],
    'loses an item whose answer it does not understand',
    {
      ...anthropic,
      decoding: {
        ...anthropic.decoding,
        decode(line): DecodedLine {
          const decoded = anthropic.decoding.decode(line);
          const lost = decoded.kind === 'result' && decoded.outcome.errorCode === 'unreadable_result';
          return lost ? { kind: 'malformed', reason: 'it is new' } : decoded;
        },
      },
    },
  ],
  [
    ['BQ-X01'],
    'takes a cancelled job for a completed one',
    reports(({ status }) => ({ status: status === 'CANCELLED' ? 'COMPLETED' : status })),
  ],
  [
    ['BQ-X02'],
    'refuses to cancel a second time',
    client(({ cancel }) => ({
      async cancel(job, signal) {
        if (job.cancelRequestedAt === null) return cancel(job, signal);
        throw new ProviderFailure('rejected', { code: 'cancelled', message: 'It was cancelled before.' });
      },
    })),
  ],
  [
    ['BQ-X03'],
    'cannot cancel a job that has completed',
    client(({ cancel }) => ({
      async cancel(job, signal) {
        const report = await cancel(job, signal);
        if (report.status !== 'COMPLETED') return report;
        throw new ProviderFailure('rejected', { code: 'completed', message: 'It is over.' });
      },
    })),
  ],
  [
    ['BQ-X04'],
    'would ask again to cancel a job that does not exist',
    failures(['cancel'], (failure) => (failure.status === 404 ? as('unavailable', failure) : failure)),
  ],
  [
    ['BQ-K01'],
    'deletes the requests and leaves the results',
    withClient(openai, ({ deleteFiles }) => ({
      deleteFiles: deleteFiles && ((job, signal) => deleteFiles({ ...job, outputFileId: null }, signal)),
    })),
  ],
  [
    ['BQ-K02'],
    'fails to delete what is gone',
    client(({ deleteFiles, retrieve }) => ({
      deleteFiles:
        deleteFiles &&
        (async (job, signal) => {
          const { providerJobId, checkpoint } = job;
          if (providerJobId !== null) {
            await retrieve({ providerJobId, checkpoint, requestCount: 1, cancelRequestedAt: null }, signal);
          }
          await deleteFiles(job, signal);
        }),
    })),
  ],
  [
    ['BQ-K03'],
    'takes every answer to a deletion for a yes',
    client(({ deleteFiles }) => ({
      deleteFiles: deleteFiles && ((job, signal) => deleteFiles(job, signal).catch(() => undefined)),
    })),
  ],
];

/** The same for calls, of which only some providers make any. */
mutants.push(
  [
    ['BQ-W01'],
    'does not read which job a call is about',
    withCalls(letta, ({ read }) => (call, secret) => {
      const reading = read(call, secret);
      return reading.kind === 'event' ? { ...reading, providerJobId: null } : reading;
    }),
  ],
  [
    ['BQ-W02', 'BQ-W04'],
    'believes any call that says that it is new',
    withCalls(sync, ({ read }) => (call) => {
      const isNew = Math.abs(signedAt(call).getTime() - call.now.getTime()) <= 300_000;
      return isNew ? read(call, null) : { kind: 'refused', reason: 'it is old' };
    }),
  ],
  [
    ['BQ-W03'],
    'does not look at the time of a call',
    withCalls(
      sync,
      ({ read }) =>
        (call, secret) =>
          read({ ...call, now: signedAt(call) }, secret),
    ),
  ],
  [
    ['BQ-W04'],
    'throws at a body that is no JSON',
    withCalls(
      letta,
      ({ read }) =>
        (call, secret) =>
          JSON.parse(call.body) && read(call, secret),
    ),
  ],
);

/** What each needs many jobs, many lines or many damaged ones for. */
const slow = ['BQ-L02', 'BQ-F04', 'BQ-C01', 'BQ-C02', 'BQ-C03', 'BQ-C04', 'BQ-C09', 'BQ-D06'];
const subjectOf = (id: string): string => id.slice(0, 'BQ-X'.length);

test.each(mutants)('%j and nothing else notices a provider that %s', async (ids, _rule, provider) => {
  const subjects = ids.map(subjectOf);
  const { findings } = await auditProvider(provider, {
    only: checks.map(({ id }) => id).filter((id) => !slow.includes(id) || subjects.includes(subjectOf(id))),
  });
  const failed = findings.filter(({ verdict }) => verdict === 'fail');
  expect(failed.map(({ id }) => id)).toEqual(ids);
  for (const { reason } of failed) expect(reason).toMatch(/\S/);
});

/** Rules that only ought to be kept. */
const wishes: ReadonlyArray<readonly [id: string, rule: string, provider: Provider]> = [
  [
    'BQ-S14',
    'sends everything again',
    withClient(openai, ({ submit }) => ({
      submit: (submission, ports) =>
        submit({ ...submission, checkpoint: null, nonce: `${submission.checkpoint === null}` }, ports),
    })),
  ],
  ['BQ-R10', 'does not say when a job expires', withSubmit({ expiresAt: null })],
  [
    'BQ-E03',
    'does not know milliseconds',
    failures(['retrieve'], (failure, _connection, now) =>
      as('throttled', failure, { retryAt: inSeconds(now, 2) }),
    ),
  ],
];

test.each(wishes)('%s has a notice and no failure for a provider that %s', async (id, _rule, provider) => {
  const { findings } = await auditProvider(provider, { only: [id] });
  expect(findings).toMatchObject([{ id, level: 'SHOULD', verdict: 'notice' }]);
  expect(findings[0]?.reason).not.toMatch(/single call/);
});

test('every check has a provider that fails it', () => {
  const proven = [...mutants.flatMap(([ids]) => ids), ...wishes.map(([id]) => id)];
  expect(checks.map(({ id }) => id).filter((id) => !proven.includes(id))).toEqual([]);
});
