/** Where a batch's requests and results can be downloaded. */
import { batchDownloadUrl } from '../resolvers/download-urls.ts';
import { builder } from './builder.ts';
import { BatchRef } from './nodes.ts';

builder.objectFields(BatchRef, (t) => {
  const args = {
    expiresInSeconds: t.arg.int({
      description:
        'Makes it a link that needs no key for so long, at most 86400 (a day): for `<a href>`, which sends no header. Whoever has the link can follow it until then, or until the key that asks is revoked.',
    }),
  };
  return {
    inputUrl: t.field({
      type: 'URL',
      nullable: true,
      description: 'Where its requests can be downloaded as JSONL, in your order; null while there are none.',
      args,
      resolve: (batch, given, context) => batchDownloadUrl(batch, 'input', given, context),
    }),
    outputUrl: t.field({
      type: 'URL',
      nullable: true,
      description:
        'Where the results that succeeded can be downloaded as JSONL, in your order; null before the first.',
      args,
      resolve: (batch, given, context) => batchDownloadUrl(batch, 'output', given, context),
    }),
    errorUrl: t.field({
      type: 'URL',
      nullable: true,
      description:
        'Where all other results can be downloaded as JSONL, in your order; null before the first.',
      args,
      resolve: (batch, given, context) => batchDownloadUrl(batch, 'errors', given, context),
    }),
  };
});
