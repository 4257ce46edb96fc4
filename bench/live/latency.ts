/**
 * From a change to the hand of one subscriber on an idle system, beside a bare LISTEN in the same process as the
 * subscriber: the difference is what the service takes to hear of it, read it, execute it and send it.
 */
import type { Bench } from '../bench.ts';
import type { BenchRow, Measured } from '../row.ts';
import { subscribers } from './programs.ts';
import { watchedBatch } from './watched-batch.ts';
import { moment } from './wire.ts';

const rounds = 100;
const warmUps = 30;

/** The row. */
export const latency: BenchRow = {
  name: 'latency',
  work: "a change, until it is in a subscriber's hand over WebSocket",
  limit: 'until a bare LISTEN client is notified of it',
  source: 'bench/live/subscribers.ts',
  unit: 'ms',
  reach: { of: 'difference', most: 10 },
  run: measure,
};

async function measure(bench: Bench): Promise<Measured> {
  const { task, watched } = await watchedBatch(bench);
  const watching = await subscribers(bench, { ...task, count: 1 });
  const work: number[] = [];
  const limit: number[] = [];
  for (let at = 0; at < warmUps + rounds; at += 1) {
    let began = 0;
    const { notified, last } = await watching.round(() => {
      began = moment();
      return watched.rename(`name ${at}`);
    });
    if (at < warmUps) continue;
    work.push(last - began);
    limit.push(notified - began);
  }
  return { work, limit };
}
