/** Ids as one value of a statement. */
import { type SQL, sql } from 'drizzle-orm';

/** A `uuid[]`, written as a text, because a COPY has no parameters and takes no list (`db/copy-out.ts`). */
export const uuidList = (ids: readonly string[]): SQL => sql`${`{${ids.join(',')}}`}::uuid[]`;
