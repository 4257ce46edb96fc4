import { builder } from './builder.ts';
import { BatchStatusType, ItemStatusType } from './enums.ts';

/** Which items of a batch a list shows. */
export const ItemFilterInput = builder.inputType('BatchItemFilter', {
  description: 'Which items a list shows; what is left out does not matter.',
  fields: (t) => ({
    status: t.field({ type: [ItemStatusType], description: 'Items in any of these states.' }),
    errorCode: t.stringList({ description: 'Items that failed with any of these codes.' }),
  }),
});

/** Which batches a list or the feed shows. */
export const BatchFilterInput = builder.inputType('BatchFilter', {
  description: 'Which batches are shown; what is left out does not matter.',
  fields: (t) => ({
    status: t.field({ type: [BatchStatusType], description: 'Batches in any of these states.' }),
    provider: t.stringList({ description: 'Batches for any of these providers.' }),
    createdAfter: t.field({ type: 'DateTime', description: 'Batches created after this moment.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Batches created before this moment.' }),
    namePrefix: t.string({ description: 'Batches whose name begins with this, letter by letter.' }),
    metadata: t.field({
      type: 'JSON',
      description: 'Batches that have all of these pairs in their metadata, whatever else they have there.',
    }),
  }),
});
