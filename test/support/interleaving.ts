/**
 * Two or more flows of work on one database, each over a line of its own, in an order of their statements that is
 * chosen from outside: one statement at a time is let through, and the next is chosen only when every flow waits to
 * be let through, is over, or is kept waiting by another's lock. Nothing depends on how fast anything is.
 */
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import type { GatedLine } from './gated-line.ts';

/** Work whose statements all go over one line. */
export interface Flow {
  readonly name: string;
  readonly line: GatedLine;
  work(): Promise<unknown>;
}

/** A statement that was let through. */
export interface Step {
  readonly flow: string;
  readonly statement: string;
}

/** Lets flows take turns. */
export interface Interleaver {
  /**
   * Runs the flows to their ends; before each statement `choose` says which of the flows that wait goes on. Answers
   * the statements in their order; throws what a flow threw.
   */
  run(flows: readonly Flow[], choose: (names: readonly string[]) => string): Promise<readonly Step[]>;
  end(): Promise<void>;
}

/** An interleaver of flows on the database at `url`, which it asks who waits for whose lock. */
export async function startInterleaver(url: string): Promise<Interleaver> {
  const onlooker = new pg.Client({ connectionString: url });
  await onlooker.connect();
  const isKeptWaiting = async (pid: number): Promise<boolean> => {
    const { rows } = await onlooker.query('select cardinality(pg_blocking_pids($1)) > 0 as waits', [pid]);
    return rows[0].waits;
  };

  return {
    async run(flows, choose) {
      const steps: Step[] = [];
      const running = flows.map((flow) => begin(flow));
      for (;;) {
        for (const one of running) await settled(one, running, isKeptWaiting);
        if (running.every(({ isOver }) => isOver())) break;
        const ready = running.filter(({ flow, isOver }) => !isOver() && flow.line.waiting !== null);
        // Each waits for another's lock: Postgres itself ends one of them after a second.
        if (ready.length === 0) {
          await Promise.race(running.map(({ flow }) => flow.line.changed()));
          continue;
        }
        const chosen = choose(ready.map(({ flow }) => flow.name));
        const line = ready.find(({ flow }) => flow.name === chosen)?.flow.line;
        steps.push({ flow: chosen, statement: line?.waiting ?? '' });
        line?.pass();
      }
      for (const { flow, outcome } of running) {
        flow.line.open();
        await outcome;
      }
      return steps;
    },
    end: () => onlooker.end(),
  };
}

/** A flow that was begun. */
interface RunningFlow {
  readonly flow: Flow;
  /** Resolves when it is over, and throws what it threw. */
  readonly outcome: Promise<unknown>;
  readonly over: Promise<void>;
  isOver(): boolean;
}

function begin(flow: Flow): RunningFlow {
  flow.line.close();
  let isOver = false;
  const outcome = flow.work();
  const end = () => {
    isOver = true;
  };
  return { flow, outcome, over: outcome.then(end, end), isOver: () => isOver };
}

const askAfterMilliseconds = 2;

/** Waits until nothing more happens to the flow by itself. */
async function settled(
  { flow, over, isOver }: RunningFlow,
  all: readonly RunningFlow[],
  isKeptWaiting: (pid: number) => Promise<boolean>,
): Promise<void> {
  const { line } = flow;
  const others = all.filter((other) => other.flow !== flow);
  while (!isOver() && (line.waiting === null || line.working !== null)) {
    const pid = line.working;
    const mayBeKept = pid !== null && others.some((other) => other.flow.line.inTransaction);
    const happens = [line.changed(), over];
    // Most are answered before it makes sense to ask whether they ever will be.
    await Promise.race(mayBeKept ? [...happens, setTimeout(askAfterMilliseconds)] : happens);
    if (mayBeKept && line.working === pid && (await isKeptWaiting(pid))) return;
  }
}
