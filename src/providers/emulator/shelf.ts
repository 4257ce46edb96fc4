/**
 * Where an emulator keeps its batches and files: in memory, or in a directory, where they outlive the process
 * and are seen by every process that uses the same directory.
 *
 * Owned here: ids, order, atomic writes. Left to the vendors' emulators: what is kept.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Keeps things of one kind. `Meta` is plain JSON and small; `content` is bytes and may be large. */
export interface Shelf<Meta> {
  /** A new id that begins with the shelf's prefix and sorts after every earlier one. */
  newId(): Promise<string>;
  /** Keeps a new thing. The bytes are not copied: nobody may change them afterwards. */
  add(id: string, meta: Meta, content: Uint8Array): Promise<void>;
  /** The thing's meta, as last written by anyone; null where there is none. */
  meta(id: string): Promise<Meta | null>;
  /** The bytes it was added with; null where there is none. */
  content(id: string): Promise<Buffer | null>;
  /** Writes the changed meta and returns it; null where there is none. */
  change(id: string, change: (meta: Meta) => Meta): Promise<Meta | null>;
  /** Forgets a thing; whether there was one. */
  remove(id: string): Promise<boolean>;
  /** Every meta, oldest first. */
  all(): Promise<Meta[]>;
}

/** A shelf whose ids begin with `prefix` (such as `batch_`), in `directory`, or in memory where it is absent. */
export function openShelf<Meta>(prefix: string, directory?: string): Shelf<Meta> {
  return directory === undefined ? memoryShelf(prefix) : directoryShelf(prefix, directory);
}

const memoryShelf = <Meta>(prefix: string): Shelf<Meta> => {
  const things = new Map<string, { meta: Meta; content: Buffer }>();
  let count = 0;
  return {
    async newId() {
      count += 1;
      return idOf(prefix, count);
    },
    async add(id, meta, content) {
      things.set(id, { meta, content: Buffer.from(content.buffer, content.byteOffset, content.byteLength) });
    },
    meta: async (id) => things.get(id)?.meta ?? null,
    content: async (id) => things.get(id)?.content ?? null,
    async change(id, change) {
      const thing = things.get(id);
      if (thing === undefined) return null;
      thing.meta = change(thing.meta);
      return thing.meta;
    },
    remove: async (id) => things.delete(id),
    all: async () => Array.from(things.values(), ({ meta }) => meta),
  };
};

/**
 * Two files for a thing: `<id>.content`, written first, and `<id>.json`, whose presence makes the thing exist.
 * Nothing is cached, because another process may write.
 */
const directoryShelf = <Meta>(prefix: string, directory: string): Shelf<Meta> => {
  const place = (id: string, ending: string) => join(directory, `${id}.${ending}`);
  const ids = async (): Promise<string[]> => {
    const names = await orNull(readdir(directory));
    return (names ?? [])
      .filter((name) => name.startsWith(prefix) && name.endsWith('.json'))
      .map((name) => name.slice(0, -'.json'.length))
      .sort();
  };
  const write = async (path: string, data: string | Uint8Array): Promise<void> => {
    const draft = `${path}.${randomBytes(6).toString('hex')}.draft`;
    await mkdir(directory, { recursive: true });
    await writeFile(draft, data);
    await rename(draft, path);
  };
  const meta = async (id: string): Promise<Meta | null> => {
    const text = isId(prefix, id) ? await orNull(readFile(place(id, 'json'), 'utf8')) : null;
    return text === null ? null : (JSON.parse(text) as Meta);
  };
  return {
    async newId() {
      const last = (await ids()).at(-1);
      return idOf(prefix, last === undefined ? 1 : orderOf(prefix, last) + 1);
    },
    async add(id, meta, content) {
      await write(place(id, 'content'), content);
      await write(place(id, 'json'), JSON.stringify(meta));
    },
    meta,
    content: async (id) => (isId(prefix, id) ? orNull(readFile(place(id, 'content'))) : null),
    async change(id, change) {
      const before = await meta(id);
      if (before === null) return null;
      const after = change(before);
      await write(place(id, 'json'), JSON.stringify(after));
      return after;
    },
    async remove(id) {
      if ((await meta(id)) === null) return false;
      await rm(place(id, 'json'), { force: true });
      await rm(place(id, 'content'), { force: true });
      return true;
    },
    async all() {
      const metas = await Promise.all((await ids()).map(meta));
      return metas.filter((found) => found !== null);
    },
  };
};

const orderDigits = 8;

/** The order makes ids sortable; the random part keeps an id of a forgotten shelf from naming a new thing. */
const idOf = (prefix: string, order: number): string =>
  `${prefix}${order.toString(36).padStart(orderDigits, '0')}${randomBytes(8).toString('hex')}`;

const orderOf = (prefix: string, id: string): number =>
  Number.parseInt(id.slice(prefix.length, prefix.length + orderDigits), 36);

/** Ids come from URLs and become file names; nothing but an id of ours may. */
const isId = (prefix: string, id: string): boolean =>
  id.startsWith(prefix) && /^[0-9a-z]{24}$/.test(id.slice(prefix.length));

const orNull = async <T>(reading: Promise<T>): Promise<T | null> => {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
};
