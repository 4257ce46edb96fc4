/** The figures as prom-client keeps them: what is counted as it happens, and what is set when somebody asks. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Meter } from '../meter.ts';
import { type Metric, metrics } from './definitions.ts';

/** The figures of one process. */
export interface Figures {
  /** Counts what this process does. */
  readonly meter: Meter;
  /** Sets a figure to what was found: a value for each set of labels, and for no other. */
  set(metric: GaugeName, found: readonly Found[]): void;
  /** All as text, as Prometheus reads it, with its media type. */
  text(): Promise<{ readonly type: string; readonly body: string }>;
}

/** A figure that is found when somebody asks. */
export type GaugeName =
  | 'workDue'
  | 'workOldest'
  | 'batches'
  | 'items'
  | 'jobs'
  | 'rows'
  | 'eventLag'
  | 'connections'
  | 'databaseRead';

/** A value and the labels that it is of. */
export interface Found {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** From a quick answer to a call that carries a quarter of a gigabyte, in seconds. */
const buckets = [0.01, 0.05, 0.2, 1, 5, 20, 60, 300];

/** New figures, all at nothing. */
export function createFigures(): Figures {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const of = ({ name, meaning, labels }: Metric) => ({
    name,
    help: meaning,
    labelNames: [...labels],
    registers: [registry],
  });
  const found = {
    workDue: new Gauge(of(metrics.workDue)),
    workOldest: new Gauge(of(metrics.workOldest)),
    batches: new Gauge(of(metrics.batches)),
    items: new Gauge(of(metrics.items)),
    jobs: new Gauge(of(metrics.jobs)),
    rows: new Counter(of(metrics.rows)),
    eventLag: new Gauge(of(metrics.eventLag)),
    connections: new Gauge(of(metrics.connections)),
    databaseRead: new Gauge(of(metrics.databaseRead)),
  } as const satisfies Record<GaugeName, Gauge | Counter>;
  const subscriptions = new Gauge(of(metrics.subscriptions));
  const answers = new Counter(of(metrics.answers));
  const answerSeconds = new Histogram({ ...of(metrics.answerSeconds), buckets });
  const operations = new Counter(of(metrics.operations));
  const calls = new Counter(of(metrics.calls));
  const callSeconds = new Histogram({ ...of(metrics.callSeconds), buckets });
  return {
    meter: {
      answered(route, status, seconds) {
        answers.inc({ route, status });
        if (seconds !== null) answerSeconds.observe({ route }, seconds);
      },
      operated: (kind, outcome) => operations.inc({ kind, outcome }),
      streamed: (change) => subscriptions.inc(change),
      called({ provider, operation, outcome, seconds }) {
        calls.inc({ provider, operation, outcome });
        callSeconds.observe({ provider, operation }, seconds);
      },
    },
    set(metric, values) {
      const figure = found[metric];
      figure.reset();
      // What had a value and has none is left out, but for a figure without labels, which would read as 0.
      if (values.length === 0) figure.remove({});
      for (const { labels = {}, value } of values) {
        if (figure instanceof Counter) figure.inc(labels, value);
        else figure.set(labels, value);
      }
    },
    text: async () => ({ type: registry.contentType, body: await registry.metrics() }),
  };
}
