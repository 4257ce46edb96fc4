/**
 * What the emulator keeps: files, and batches with what was added to them, call by call. Everything else (counts,
 * results, whether a batch is over) follows from these and the clock.
 */
import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import type { JsonObject } from '../../domain/json-line.ts';
import type { EmulatorOptions, EmulatorPace } from '../emulation.ts';
import { defaultPace, type WrittenLife } from '../emulator/life.ts';
import { openShelf, type Shelf } from '../emulator/shelf.ts';
import { readSwitches, type Switches } from './emulator-switches.ts';

/** An uploaded file. */
export interface KeptFile {
  readonly id: string;
  readonly filename: string;
  readonly purpose: string;
  readonly bytes: number;
  /** ISO 8601. */
  readonly createdAt: string;
  /** ISO 8601; null for one that stays. */
  readonly expiresAt: string | null;
}

/** A batch, as written when it was created, filled or cancelled. */
export interface KeptBatch {
  readonly id: string;
  readonly name: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** ISO 8601; null until cancelling is asked for. */
  readonly cancelRequestedAt: string | null;
  /** The file that it was made of, after which it takes nothing more; null for one that is filled by calls. */
  readonly inputFileId: string | null;
  readonly parts: readonly KeptPart[];
}

/** What one call added, which lives a life of its own from then on. Its requests are kept under its id. */
export interface KeptPart extends WrittenLife {
  /** Why the vendor will cancel the whole batch for it; null where it will not. */
  readonly fault: string | null;
}

/** One request of a batch. */
export interface KeptRequest {
  readonly key: string;
  readonly kind: string;
  readonly body: JsonObject;
}

/** Everything that the routes work on. */
export interface Store {
  readonly clock: Clock;
  readonly pace: EmulatorPace;
  readonly switches: Switches;
  readonly files: Shelf<KeptFile>;
  readonly batches: Shelf<KeptBatch>;
  /** Keeps the requests of a part; its id is how they are found again. */
  keepRequests(requests: readonly KeptRequest[]): Promise<string>;
  /** A batch's requests, in the order in which they were given. */
  requestsOf(batch: KeptBatch): Promise<readonly KeptRequest[]>;
}

/** Opens the store. */
export function openStore({ clock, pace, directory, switches }: EmulatorOptions): Store {
  const place = (name: string) => (directory === undefined ? undefined : join(directory, name));
  const contents = openShelf<{ id: string }>('part_', place('parts'));
  /** Written once, so that what was read once need not be read again. */
  const read = new Map<string, readonly KeptRequest[]>();
  const partOf = async ({ id }: KeptPart): Promise<readonly KeptRequest[]> => {
    const known = read.get(id);
    if (known !== undefined) return known;
    const content = await contents.content(id);
    const requests = JSON.parse(content?.toString('utf8') ?? '[]') as KeptRequest[];
    read.set(id, requests);
    return requests;
  };
  return {
    clock,
    pace: { ...defaultPace, ...pace },
    switches: readSwitches(switches),
    files: openShelf('file_', place('files')),
    batches: openShelf('batch_', place('batches')),
    async keepRequests(requests) {
      const id = await contents.newId();
      await contents.add(id, { id }, Buffer.from(JSON.stringify(requests)));
      read.set(id, requests);
      return id;
    },
    requestsOf: async ({ parts }) => (await Promise.all(parts.map(partOf))).flat(),
  };
}
