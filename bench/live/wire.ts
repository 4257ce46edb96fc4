/** What the programs of the live rows say to each other. */

/** The channel of the service's notifications, on which everything is timed. */
export const channel = 'batchql_events';

/** Whether a notification is of a change of this batch. */
export const isChangeOf = (batch: string, payload: string): boolean => payload.split(' ')[1] === batch;

/** What subscribers are told at their start. */
export interface SubscribersTask {
  readonly url: string;
  readonly databaseUrl: string;
  readonly key: string;
  readonly count: number;
  /** Whose changes are waited for, as notifications name it. */
  readonly batch: string;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** When a change arrived, in milliseconds as `moment` tells them. */
export interface Round {
  /** A message, as it came. */
  readonly sample: string;
  /** At the bare LISTEN. */
  readonly notified: number;
  /** At the first and at the last subscriber. */
  readonly first: number;
  readonly last: number;
}

/** Now, finely, and comparable between processes of one machine. */
export const moment = (): number => performance.timeOrigin + performance.now();
