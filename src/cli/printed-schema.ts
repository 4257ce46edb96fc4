/** What `schema.graphql` holds. Writing and comparing it are left to `print-schema.ts` and the tests. */
import { lexicographicSortSchema, printSchema } from 'graphql';
import { schema } from '../schema/index.ts';

/** The schema in its definition language, sorted, so that the order of declarations changes nothing. */
export const printedSchema = (): string => `${printSchema(lexicographicSortSchema(schema))}\n`;
