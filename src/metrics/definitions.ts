/** Every figure at `/metrics` as data: what it is, what it means, and when to worry. `docs/operating.md` is made of it. */

/** One figure. */
export interface Metric {
  readonly name: string;
  /** `seconds` is a histogram of durations. */
  readonly kind: 'counter' | 'gauge' | 'seconds';
  readonly labels: readonly string[];
  /** What it is of: this process alone, or the database, of which every process tells the same. */
  readonly of: 'process' | 'database';
  readonly meaning: string;
  readonly worry: string;
}

/** All of them. Labels are words of ours, never ids, names or texts of a caller's. */
export const metrics = {
  workDue: {
    name: 'batchql_work_due',
    kind: 'gauge',
    labels: ['work'],
    of: 'database',
    meaning:
      'Work whose time has come and that no worker has taken, by what is to be done; counted up to 10,000.',
    worry:
      'It grows for minutes: too few workers, or none. `sending` also counts what waits for its turn at a provider.',
  },
  workOldest: {
    name: 'batchql_work_oldest_seconds',
    kind: 'gauge',
    labels: ['work'],
    of: 'database',
    meaning: 'How long the oldest of that work has been due; 0 where there is none.',
    worry: 'Above a minute for `closing`, `polling` or `collecting`.',
  },
  batches: {
    name: 'batchql_batches',
    kind: 'gauge',
    labels: ['status'],
    of: 'database',
    meaning: 'Batches that have not ended, by status.',
    worry: '`FINALIZING` that does not fall: results are not being copied.',
  },
  items: {
    name: 'batchql_items',
    kind: 'gauge',
    labels: ['status'],
    of: 'database',
    meaning: 'Requests of those batches, by status, as their batches count them.',
    worry: '`PENDING` that only grows while `SUBMITTED` is 0: nothing is being sent.',
  },
  jobs: {
    name: 'batchql_jobs',
    kind: 'gauge',
    labels: ['provider', 'status'],
    of: 'database',
    meaning: 'Jobs that have not ended, by provider and status.',
    worry: '`UNKNOWN` above 0 for an hour: a person may be needed (`Job.needsPerson`).',
  },
  rows: {
    name: 'batchql_rows_total',
    kind: 'counter',
    labels: ['table'],
    of: 'database',
    meaning:
      'Rows that were written into `items` (requests taken in) and `results`, as Postgres counts them.',
    worry: 'The rate of `results` is 0 while `batchql_work_due{work="collecting"}` is not.',
  },
  eventLag: {
    name: 'batchql_event_lag_seconds',
    kind: 'gauge',
    labels: [],
    of: 'process',
    meaning:
      'How long an announcement took from this process through the database back to its subscribers, just now; 2 where it did not come in time.',
    worry: 'Above 0.2 with `EVENTS=notify`, above 1 with `poll`. At 2, subscribers are late: see `/readyz`.',
  },
  subscriptions: {
    name: 'batchql_subscriptions',
    kind: 'gauge',
    labels: [],
    of: 'process',
    meaning: 'Streams that are open, over WebSocket and server-sent events.',
    worry: 'It only grows: a client opens anew and never leaves.',
  },
  answers: {
    name: 'batchql_http_answers_total',
    kind: 'counter',
    labels: ['route', 'status'],
    of: 'process',
    meaning: 'Answers over HTTP, by route and status; `gone` where the caller left before.',
    worry: 'Any `500`. Many `401`: a key that was revoked is still in use, or somebody guesses.',
  },
  answerSeconds: {
    name: 'batchql_http_answer_seconds',
    kind: 'seconds',
    labels: ['route'],
    of: 'process',
    meaning: 'How long answers took to the last byte; streams of events are left out.',
    worry: 'The median of `graphql` above 0.2.',
  },
  operations: {
    name: 'batchql_operations_total',
    kind: 'counter',
    labels: ['kind', 'outcome'],
    of: 'process',
    meaning:
      'Operations of GraphQL over every transport: `OK`, or the code of the first error. Typed errors of mutations are `OK` here.',
    worry: 'Any `INTERNAL_SERVER_ERROR`; the log has its cause.',
  },
  calls: {
    name: 'batchql_provider_calls_total',
    kind: 'counter',
    labels: ['provider', 'operation', 'outcome'],
    of: 'process',
    meaning: 'Calls to providers: `ok`, or the kind of failure.',
    worry:
      '`rejected` of `retrieve` and `results`: the credential no longer works. `uncertain`: answers are being lost. `malformed`: the provider has changed.',
  },
  callSeconds: {
    name: 'batchql_provider_call_seconds',
    kind: 'seconds',
    labels: ['provider', 'operation'],
    of: 'process',
    meaning: 'How long they took; `submit` and `results` carry all the bodies.',
    worry: '`submit` near `SEND_SECONDS`, others near `CALL_SECONDS`.',
  },
  connections: {
    name: 'batchql_database_connections',
    kind: 'gauge',
    labels: ['state'],
    of: 'process',
    meaning: 'Connections of the pool that are `used` and `idle`, and requests that are `waiting` for one.',
    worry: '`waiting` above 0 for more than a moment.',
  },
  databaseRead: {
    name: 'batchql_database_read',
    kind: 'gauge',
    labels: [],
    of: 'process',
    meaning:
      'Whether what is of the database could be read within 2 seconds (1); else (0) those figures are left out.',
    worry: 'It is 0.',
  },
} as const satisfies Record<string, Metric>;
