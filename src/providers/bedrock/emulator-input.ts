/**
 * What the vendor makes of a job's input once it looks: the fault that fails the job, and otherwise what the job is
 * going to be. The words of the faults are our own. A body that the model refuses is no fault; its record errs.
 */

import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import { parsedObject } from '../../domain/json-reading.ts';
import { type BatchFates, readFates } from '../emulator/fate.ts';
import { inputLines } from '../emulator/input-lines.ts';
import { type Model, problemOf } from './emulator-models.ts';
import type { InputFile, Store } from './emulator-store.ts';
import { account } from './emulator-wire.ts';

/** The input of a job, read. */
export interface ReadInput {
  readonly content: Buffer;
  readonly files: readonly InputFile[];
  readonly records: number;
  readonly fault: string | null;
  readonly fates: BatchFates;
}

/** Reads the object at the URI, or every `.jsonl` object below it. */
export async function readInput(store: Store, uri: string, model: Model): Promise<ReadInput> {
  const objects = await objectsAt(store, uri);
  const contents: Buffer[] = [];
  for (const { id } of objects) contents.push((await store.objects.content(id)) ?? Buffer.alloc(0));
  const perFile = contents.map(inputLines);
  const lines = perFile.flat();
  const requests = lines.map((line) => parsedObject(line.toString('utf8')));
  const fault =
    objects.length === 0
      ? 'The input location has no JSONL files.'
      : (sizeFault(store, perFile, contents) ?? lineFault(requests));
  const fates = readFates(texts(lines));
  const refused = [...requests.entries()].filter(([, request]) => bodyProblem(model, request) !== null);
  return {
    content: joined(contents),
    files: objects.map(({ key }, index) => ({
      name: key.slice(key.lastIndexOf('/') + 1),
      records: perFile[index]?.length ?? 0,
    })),
    records: lines.length,
    fault,
    fates: {
      items: {
        ...Object.fromEntries(refused.map(([position]) => [position, 'errored'])),
        ...fates.items,
      },
      batch: fault === null ? fates.batch : ['job-failed'],
    },
  };
}

/** What the model says against the body of a line; null where it takes it. */
export function bodyProblem(model: Model, request: JsonObject | null): string | null {
  const { modelInput } = request ?? {};
  return isJsonObject(modelInput) ? problemOf(model, modelInput) : null;
}

const objectsAt = async ({ objects }: Store, uri: string) => {
  const start = `s3://${account.bucket}/`;
  if (!uri.startsWith(start)) return [];
  const key = uri.slice(start.length);
  const all = (await objects.all()).toSorted((one, other) => (one.key < other.key ? -1 : 1));
  const exact = all.filter((object) => object.key === key);
  if (exact.length > 0) return exact;
  const folder = key === '' || key.endsWith('/') ? key : `${key}/`;
  return all.filter((object) => object.key.startsWith(folder) && object.key.endsWith('.jsonl'));
};

/** A file may lack its last newline. */
const joined = (contents: readonly Buffer[]): Buffer => {
  const [only, ...others] = contents;
  if (only !== undefined && others.length === 0) return only;
  return Buffer.concat(contents.flatMap((content) => [content, Buffer.from('\n')]));
};

const sizeFault = (
  { switches }: Store,
  perFile: readonly (readonly Buffer[])[],
  contents: readonly Buffer[],
): string | null => {
  const records = perFile.reduce((sum, lines) => sum + lines.length, 0);
  const [min, max] = [Number(switches.recordsMin), Number(switches.recordsMax)];
  if (records < min) return `The job has ${records} records, and the minimum is ${min}.`;
  if (records > max) return `The job has ${records} records, and the maximum is ${max}.`;
  const largest = Math.max(...contents.map(({ length }) => length));
  return largest > Number(switches.fileBytesMax)
    ? `An input file has ${largest} bytes, and the maximum is ${switches.fileBytesMax}.`
    : null;
};

const lineFault = (requests: readonly (JsonObject | null)[]): string | null => {
  const at = requests.findIndex((request) => !isJsonObject(request?.['modelInput']));
  return at === -1 ? null : `Record ${at + 1} is not a JSON object with a modelInput.`;
};

function* texts(lines: readonly Buffer[]): Generator<string> {
  for (const line of lines) yield line.toString('utf8');
}
