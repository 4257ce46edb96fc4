/** Where a batch's requests and results can be downloaded. */
import { batchDownloadUrl } from '../resolvers/download-urls.ts';
import { builder } from './builder.ts';
import { RequestFormatType, ResultFormatType } from './enums.ts';
import { BatchRef } from './nodes.ts';

builder.objectFields(BatchRef, (t) => {
  const ofAll = {
    expiresInSeconds: t.arg.int({
      description:
        'Makes it a link that needs no key for so long, at most 86400 (a day): for `<a href>`, which sends no header. Whoever has the link can follow it until then, or until the key that asks is revoked.',
    }),
  };
  const ofResults = {
    format: t.arg({ type: ResultFormatType, description: 'VERBATIM where left out.' }),
    ...ofAll,
  };
  return {
    inputUrl: t.field({
      type: 'URL',
      nullable: true,
      description:
        'Where its requests can be downloaded in your order; null while there are none, and once they are removed (resultsRemovedAt).',
      args: {
        format: t.arg({ type: RequestFormatType, description: 'VERBATIM where left out.' }),
        ...ofAll,
      },
      resolve: (batch, given, context) => batchDownloadUrl(batch, 'input', given, context),
    }),
    outputUrl: t.field({
      type: 'URL',
      nullable: true,
      description:
        'Where the results that succeeded can be downloaded in your order; null before the first, and once they are removed (resultsRemovedAt).',
      args: ofResults,
      resolve: (batch, given, context) => batchDownloadUrl(batch, 'output', given, context),
    }),
    errorUrl: t.field({
      type: 'URL',
      nullable: true,
      description:
        'Where all other results can be downloaded in your order; null before the first, and once they are removed (resultsRemovedAt).',
      args: ofResults,
      resolve: (batch, given, context) => batchDownloadUrl(batch, 'errors', given, context),
    }),
  };
});
