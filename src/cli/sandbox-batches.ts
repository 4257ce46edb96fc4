/** The first batches of an empty sandbox: one that moves at once, one that is open, and one to throw away. */
import { createBatch } from '../batches/create.ts';
import { countBatches } from '../db/queries/batch-pages.ts';
import { findKey } from '../db/queries/organizations.ts';
import { scopeOf } from '../domain/scope.ts';
import { sandboxKey } from '../first-keys.ts';
import type { Services } from '../services.ts';
import { hashOfKey } from '../sign-in.ts';

const requestsOfFirst = 240;
const words = ['river', 'engine', 'violin', 'harbour', 'pepper', 'glacier', 'lantern', 'compass'];

/** Makes them where the sandbox's organization has no batch yet. */
export async function startSandboxBatches(services: Services): Promise<void> {
  const { db, clock } = services;
  const key = await db.read((q) =>
    findKey(q, { hash: hashOfKey(sandboxKey), now: clock.now(), sandbox: true }),
  );
  if (key === null) return;
  const scope = scopeOf(key);
  if ((await db.read((q) => countBatches(scope, q, {}))) > 0) return;
  await createBatch(services, scope, {
    provider: 'anthropic',
    name: 'An empty draft: delete it when you like',
    submit: { kind: 'MANUAL' },
  });
  await createBatch(services, scope, {
    provider: 'openai',
    name: 'An open batch: add requests, then submit it',
    model: 'gpt-5-mini',
    submit: { kind: 'MANUAL' },
    requests: { kind: 'list', requests: [0, 1, 2].map((index) => ({ body: poem(index) })) },
  });
  await createBatch(services, scope, {
    provider: 'openai',
    name: 'Your first batch',
    model: 'gpt-5-mini',
    metadata: { made: 'by the sandbox' },
    submit: { kind: 'NOW' },
    requests: {
      kind: 'list',
      requests: Array.from({ length: requestsOfFirst }, (_, index) => ({ body: poem(index) })),
    },
  });
}

const poem = (index: number) => ({
  messages: [
    { role: 'user', content: `Write one line about a ${words[index % words.length]} (${index + 1}).` },
  ],
});
