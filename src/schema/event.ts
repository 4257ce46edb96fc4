import type { EventRow } from '../resolvers/event.ts';
import { builder } from './builder.ts';
import { EventKindType } from './enums.ts';

/** An event of the past, in a batch's own list. */
export const PastEventRef = builder.objectRef<EventRow>('BatchLogEntry').implement({
  description: 'One committed change of a batch, as it was recorded.',
  fields: (t) => ({
    seq: t.exposeInt('seq', { description: "Its number in the batch's own order, from 1 without gaps." }),
    kind: t.field({
      type: EventKindType,
      description: 'What happened then.',
      resolve: (event) => event.kind,
    }),
    data: t.field({
      type: 'JSON',
      description: 'Facts about it: the state that the batch was in then, numbers, codes. Never bodies.',
      resolve: (event) => event.data,
    }),
    at: t.field({ type: 'DateTime', description: 'When it happened.', resolve: (event) => event.at }),
  }),
});

/** A connection of events. */
export const PastEventConnection = builder.connectionObject(
  { type: PastEventRef, name: 'BatchLogConnection', description: "A page of a batch's changes." },
  { name: 'BatchLogEdge', description: 'A change and its place in the list.' },
);
