/** What a caller is told whose operation is refused before any of it is executed. */
import { GraphQLError } from 'graphql';
import { type QueryLimits, type QueryMeasure, queryLimits } from '../../domain/query-limits.ts';

/** How much there is of each measure. */
export type Measured = Readonly<Partial<Record<QueryMeasure, number>>>;

/** A refusal with this code. GraphQL over HTTP has a status for it, which its own media type shows. */
export const refusal = (
  code: string,
  message: string,
  extensions: Readonly<Record<string, unknown>> = {},
): GraphQLError =>
  new GraphQLError(message, { extensions: { code, ...extensions, http: { spec: true, status: 400 } } });

/** The refusal for the first measure that is beyond its limit; null where all are within. */
export function beyondLimit(measured: Measured, limits: QueryLimits): GraphQLError | null {
  for (const [name, { code, counts }] of Object.entries(queryLimits)) {
    const limit = limits[name as QueryMeasure];
    const value = measured[name as QueryMeasure] ?? 0;
    if (value <= limit) continue;
    return refusal(code, `The operation goes beyond a limit: at most ${limit} ${counts}; it has ${value}.`, {
      limit,
      value,
    });
  }
  return null;
}
