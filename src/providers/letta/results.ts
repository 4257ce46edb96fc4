/**
 * A job's results: the vendor shows messages, and one line is made of all those of an agent, each message as the very
 * characters that it came in.
 *
 * Owned here: which agents have a result already, and what the cursor counts. Reading pages is `pages.ts`, gathering
 * `turns.ts`, and what a turn comes to `turn.ts`.
 */
import { isFinalJob } from '../../domain/status.ts';
import { ProviderFailure } from '../failure.ts';
import { chunkLines, type StreamLine } from '../jsonl.ts';
import type { JobReport, ProviderJob, ResultChunk } from '../provider.ts';
import type { Calls } from './calls.ts';
import { messagePages } from './pages.ts';
import { endOf, isOver } from './turn.ts';
import { type GatheredTurn, Turns } from './turns.ts';

/** How many characters of messages one reading holds; what a job has beyond is read a second time, by agent. */
const heldCharactersMax = 32_000_000;

/**
 * The result lines after `cursor`, which counts the lines of a job that is over. While the job runs, and where its
 * messages cannot be read to their end, only agents whose turn is over have a line, and the cursor leads to the start.
 */
export async function* readResults(
  calls: Calls,
  job: ProviderJob & { report: JobReport },
  cursor: string | null,
  signal: AbortSignal,
  heldMax = heldCharactersMax,
): AsyncGenerator<ResultChunk> {
  const read = (agentId: string | null) => messagePages(calls, { jobId: job.providerJobId, agentId }, signal);
  const turns = new Turns(heldMax);
  let failure: unknown = null;
  try {
    for await (const page of read(null)) {
      turns.add(page);
      // Lines come when everything was read, which may be many pages away.
      yield { lines: [], cursor: cursor ?? start };
    }
  } catch (error) {
    // What has been read for good is handed over first.
    failure = goneIfUnknown(error);
  }
  const { status } = job.report;
  const isWhole = failure === null && status !== null && isFinalJob(status);
  const isWanted = isWhole ? wantedAtEnd(status) : wantedBefore;
  const textsOf = async ({ agentId, texts }: GatheredTurn): Promise<readonly string[]> => {
    if (texts !== null) return texts;
    const again: string[] = [];
    // What names no agent cannot be asked for; it is nobody's result.
    if (agentId !== null) for await (const page of read(agentId)) again.push(...page.map(({ text }) => text));
    return again;
  };
  async function* lines(skip: number): AsyncGenerator<StreamLine> {
    let offset = 0;
    for (const gathered of turns.all()) {
      if (!isWanted(gathered)) continue;
      offset += 1;
      if (offset > skip) yield { text: lineOf(gathered, await textsOf(gathered)), offset };
    }
  }
  yield* isWhole ? chunkLines(lines(readCursor(cursor)), String) : chunkLines(lines(0), () => start);
  if (failure !== null) throw failure;
}

const start = '0';

/** A cursor only skips, so that one which cannot be read is as good as none. */
const readCursor = (cursor: string | null): number => (/^\d+$/.test(cursor ?? '') ? Number(cursor) : 0);

/** Which agents have a line before the end is known. What names no agent is no result, and has time. */
const wantedBefore = ({ agentId, turn }: GatheredTurn): boolean => agentId !== null && isOver(turn);

/**
 * Which agents have a line once the job is over. Where it completed, all have, the silent ones too; else an agent that
 * has not answered shares the job's fate, which no line could tell.
 */
const wantedAtEnd = (status: JobReport['status']) =>
  status === 'COMPLETED' ? () => true : ({ turn }: GatheredTurn) => endOf(turn) !== 'unanswered';

/** JSON may be written over several lines; outside of strings a line break is as good as a blank. */
const lineOf = ({ agentId }: GatheredTurn, texts: readonly string[]): string =>
  `{"agent_id":${JSON.stringify(agentId)},"messages":[${texts.join(',').replaceAll(/[\r\n]/g, ' ')}]}`;

const goneIfUnknown = (error: unknown): unknown =>
  error instanceof ProviderFailure && error.status === 404 ? new ProviderFailure('expired', error) : error;
