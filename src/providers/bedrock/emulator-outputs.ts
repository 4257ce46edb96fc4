/**
 * The objects that a job leaves: for each input file one of result lines, and beside them a manifest, which comes
 * last. Their lines are made as they are read; none is kept.
 */

import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import { seedOf } from '../emulator/chance.ts';
import { type EndedItem, type Ending, endedItems, writeLines } from '../emulator/endings.ts';
import { inputLines } from '../emulator/input-lines.ts';
import { bodyProblem } from './emulator-input.ts';
import { type Model, modelOf } from './emulator-models.ts';
import { type JobState, stateAt } from './emulator-state.ts';
import { type KeptJob, type Store, shortId } from './emulator-store.ts';
import { account } from './emulator-wire.ts';

/** One object of a job's. */
export interface OutputObject {
  readonly key: string;
  readonly job: KeptJob;
  readonly state: JobState;
  /** Which input file it answers; null for the manifest. */
  readonly file: number | null;
}

/** The objects that the job has now. */
export function outputsOf({ clock, switches }: Store, job: KeptJob): OutputObject[] {
  const state = stateAt(job, clock.now());
  const isOver = state.endedAt !== null;
  const hasRun = state.isCounted && state.word !== 'Failed';
  if (!hasRun || !(isOver || switches.outputsBeforeTheEnd)) return [];
  const hasLines = state.succeeded + state.errored > 0 || switches.emptyOutputs === 'written';
  const folder = folderOf(job);
  const results = job.files.map(({ name }, file) => ({ key: `${folder}${name}.out`, job, state, file }));
  const manifest = { key: `${folder}manifest.json.out`, job, state, file: null };
  const all: OutputObject[] = [...(hasLines ? results : []), ...(isOver ? [manifest] : [])];
  return all.filter(({ key }) => !job.deleted.includes(key));
}

/** The content, in lines with their newlines. */
export async function* outputLines(store: Store, object: OutputObject): AsyncGenerator<string> {
  const { job, state, file } = object;
  const content = await store.jobs.content(job.id);
  const model = modelOf(job.modelId, job.invocation);
  if (content === null || model === null) return;
  const lines = inputLines(content);
  if (file === null) yield `${JSON.stringify(manifestOf(job, state, model, lines))}\n`;
  else yield* writeLines(itemsOf(store, job, state, file), (item, key) => lineOf(model, lines, item, key));
}

/** How many bytes the content has; told again without making it, where it changes no more. */
export async function outputBytes(store: Store, object: OutputObject): Promise<number> {
  const known = store.sizes.get(object.key);
  if (known !== undefined) return known;
  let bytes = 0;
  for await (const line of outputLines(store, object)) bytes += Buffer.byteLength(line);
  if (object.state.endedAt !== null) store.sizes.set(object.key, bytes);
  return bytes;
}

const folderOf = ({ id, outputUri }: KeptJob): string => {
  const key = outputUri.slice(`s3://${account.bucket}`.length).replace(/^\/+|\/+$/g, '');
  return key === '' ? `${shortId(id)}/` : `${key}/${shortId(id)}/`;
};

/** What was processed of one input file. There are no lines of what was not. */
function* itemsOf({ switches }: Store, job: KeptJob, { at }: JobState, file: number): Generator<EndedItem> {
  const first = job.files.slice(0, file).reduce((sum, { records }) => sum + records, 0);
  const end = first + (job.files[file]?.records ?? 0);
  const ended = endedItems(job, at).filter(
    ({ position, ending }) => position >= first && position < end && writers[ending] !== null,
  );
  if (switches.outputOrder === 'finished') yield* ended;
  else yield* [...ended].sort((one, other) => one.position - other.position);
}

type Writer = (model: Model, request: JsonObject, id: string) => JsonObject;

const writers: Record<Ending, Writer | null> = {
  succeeded: (model, { modelInput }, id) => ({
    modelOutput: model.answer(isJsonObject(modelInput) ? modelInput : {}, id).output,
  }),
  errored: (model, request) => ({
    error: {
      errorCode: 400,
      errorMessage: bodyProblem(model, request) ?? 'This request was asked to fail.',
    },
  }),
  overloaded: () => ({ error: { errorCode: 503, errorMessage: 'The model is overloaded.' } }),
  expired: null,
  cancelled: null,
};

const lineOf = (
  model: Model,
  lines: readonly Buffer[],
  { position, ending }: EndedItem,
  key: string | null,
): string => {
  const request = requestAt(lines, position);
  // A record without an id is given one.
  const { recordId: own = `R${String(position).padStart(10, '0')}`, modelInput = null } = request;
  const id = `${seedOf(String(own)).toString(16)}${position.toString(16)}`;
  const said = writers[ending]?.(model, request, id) ?? {};
  return JSON.stringify({ recordId: key ?? own, modelInput, ...said });
};

const manifestOf = (
  job: KeptJob,
  { at, succeeded, errored }: JobState,
  model: Model,
  lines: readonly Buffer[],
): JsonObject => {
  const answers = endedItems(job, at)
    .filter(({ ending }) => ending === 'succeeded')
    .map(({ position }) => {
      const { modelInput } = requestAt(lines, position);
      return model.answer(isJsonObject(modelInput) ? modelInput : {}, '');
    })
    .toArray();
  return {
    totalRecordCount: job.requestCount,
    processedRecordCount: succeeded + errored,
    successRecordCount: succeeded,
    errorRecordCount: errored,
    inputTokenCount: answers.reduce((sum, { inputTokens }) => sum + inputTokens, 0),
    outputTokenCount: answers.reduce((sum, { outputTokens }) => sum + outputTokens, 0),
  };
};

const requestAt = (lines: readonly Buffer[], position: number): JsonObject => {
  const request: unknown = JSON.parse(lines[position]?.toString('utf8') ?? '{}');
  return isJsonObject(request) ? request : {};
};
