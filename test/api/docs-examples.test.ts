/**
 * Every `graphql` block in the README and under docs/ is valid. One with the comment `example: executed` above it
 * is executed as it stands, or with the variables that the comment gives, against a service with the sandbox's
 * first batches, `<a batch>` being one that has ended; a subscription until its first event.
 */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { getOperationAST, parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandboxBatches } from '../../src/cli/sandbox-batches.ts';
import { schema } from '../../src/schema/index.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeByWebSocket } from '../support/subscribers.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Example {
  readonly place: string;
  readonly text: string;
  /** What to execute it with; null where it is not executed. */
  readonly variables: string | null;
}

const examples: Example[] = globSync(['README.md', 'docs/**/*.md'], { cwd: root })
  .sort()
  .flatMap((page) => {
    const markdown = readFileSync(root + page, 'utf8');
    return [
      ...markdown.matchAll(/(?:<!-- example: executed(?: with ([^\n]*))? -->\n)?```graphql\n(.*?)```/gs),
    ].map(([block, variables, text = ''], index) => ({
      place: `${page}, block ${index + 1}`,
      text,
      variables: block.startsWith('<!--') ? (variables ?? '{}') : null,
    }));
  });
const executed = examples.filter(({ variables }) => variables !== null);

let service: TestService;
let firstBatch: string;
beforeAll(async () => {
  service = await startTestService({ CREDENTIALS_KEY: Buffer.alloc(32, 'docs').toString('base64') });
  await startSandboxBatches(service.app.services);
  await service.turn(60);
  const { data } = await service.query(
    '{ batches(filter: { status: [COMPLETED] }) { edges { node { id } } } }',
  );
  firstBatch = data.batches.edges[0].node.id;
});
afterAll(() => service.close());

describe('The examples in the documentation', () => {
  it('are found, in the README and in the page for frontends', () => {
    const pages = new Set(executed.map(({ place }) => place.split(',')[0]));
    expect([...pages]).toEqual(expect.arrayContaining(['README.md', 'docs/frontend.md']));
    // Those of the page on emulators are calls of curl, and executed by their own test.
    const marks = globSync(['README.md', 'docs/**/*.md'], { cwd: root })
      .filter((page) => page !== 'docs/emulators.md')
      .map((page) => readFileSync(root + page, 'utf8').split('<!-- example:').length - 1)
      .reduce((sum, count) => sum + count, 0);
    expect(executed).toHaveLength(marks);
  });

  it.each(examples)('are operations of this schema: $place', ({ text }) => {
    expect(validate(schema, parse(text))).toEqual([]);
  });

  it.each(executed)('work as they stand: $place', async ({ text, variables }) => {
    const given = JSON.parse((variables ?? '').replaceAll('<a batch>', firstBatch));
    const isLive = getOperationAST(parse(text))?.operation === 'subscription';
    const answer = isLive ? await firstEvent(text, given) : await service.query(text, given);
    expect(answer.errors).toBeUndefined();
    const [field] = Object.values(answer.data ?? {});
    expect(field).toBeTruthy();
    // A typed error is not a payload.
    expect(field).not.toHaveProperty('code');
  });
});

/** Subscribes, and makes something happen until there is something to tell. */
async function firstEvent(query: string, variables: Record<string, unknown>) {
  const subscriber = subscribeByWebSocket({ url: service.url, query, variables });
  try {
    for (let turns = 0; turns < 30 && subscriber.messages.length === 0; turns++) {
      await service.query(
        'mutation { createBatch(input: { provider: "openai", name: "To be told of" }) { __typename } }',
      );
      await service.turn(5);
    }
    await subscriber.waitFor(() => true);
    return subscriber.messages[0];
  } finally {
    await subscriber.stop();
  }
}
