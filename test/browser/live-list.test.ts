import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandboxBatches } from '../../src/cli/sandbox-batches.ts';
import { type BreakableLine, openLine } from '../support/breakable-line.ts';
import { noBrowser, openPage, startBrowser, type WatchedPage } from '../support/browser.ts';
import { startTestService, type TestService } from '../support/service.ts';

const serveScript = fileURLToPath(new URL('../../examples/live-list/serve.js', import.meta.url));

describe.skipIf(noBrowser)('The example of a live list, served from another origin', () => {
  let example: Example;
  let service: TestService;
  let line: BreakableLine;
  let browser: Browser;
  beforeAll(async () => {
    [example, browser] = await Promise.all([startExample(), startBrowser()]);
    service = await startTestService({ CORS_ORIGINS: example.url });
    line = await openLine(service.url);
    await startSandboxBatches(service.app.services);
  });
  afterAll(async () => {
    await browser?.close();
    await line?.close();
    await service?.close();
    await example?.stop();
  });

  /** A visitor's page, some time after everything that is there was made. */
  const visit = async (prepare: (page: Page) => void = () => undefined): Promise<WatchedPage> => {
    service.clock.advance({ seconds: 1 });
    const watched = await openPage(browser);
    prepare(watched.page);
    await watched.page.goto(`${example.url}/?service=${line.url}`);
    await watched.page.getByText('Your first batch').waitFor();
    return watched;
  };

  /** Turns the clock until the page shows such rows. */
  const turnUntil = async (page: Page, matches: (rows: Row[]) => boolean): Promise<Row[]> => {
    for (let turns = 0; turns < 60; turns++) {
      const rows = await rowsOf(page);
      if (matches(rows)) return rows;
      await service.turn(2);
    }
    throw new Error(`the page still shows ${JSON.stringify(await rowsOf(page))}`);
  };

  /** The list as the service has it. */
  const truth = async (): Promise<Pick<Row, 'name' | 'status' | 'counts'>[]> => {
    const { data } = await service.query(
      '{ batches(first: 100) { edges { node { name status counts { succeeded total } } } } }',
    );
    return data.batches.edges.map(({ node }: { node: { name: string; status: string; counts: Counts } }) => ({
      name: node.name,
      status: node.status,
      counts: `${node.counts.succeeded} / ${node.counts.total}`,
    }));
  };

  const idOf = async (name: string): Promise<string> => {
    const { data } = await service.query('{ batches(first: 100) { edges { node { id name } } } }');
    const nodes: { id: string; name: string }[] = data.batches.edges.map(
      ({ node }: { node: unknown }) => node,
    );
    return nodes.find((node) => node.name.startsWith(name))?.id ?? '';
  };

  it('shows the batches that there are, and asks only its own server and the service', async () => {
    const { page, origins, faults } = await visit();
    expect(await rowsOf(page)).toMatchObject(await truth());
    expect([...origins].sort()).toEqual([example.url, line.url, line.url.replace('http', 'ws')].sort());
    expect(faults).toEqual([]);
    await page.close();
  });

  it('shows a batch that a click makes, and its progress up to the end', async () => {
    const { page, faults } = await visit();
    await page.getByRole('button', { name: 'Create a batch' }).click();
    const row = page.locator('tr', { hasText: 'Poems of' });
    await row.waitFor();
    const shares: number[] = [];
    const rows = await turnUntil(page, ([newest]) => {
      const { share = 0, status } = newest ?? {};
      if (share !== shares.at(-1)) shares.push(share);
      return status === 'COMPLETED';
    });
    expect(rows[0]).toMatchObject({ name: expect.stringMatching(/^Poems of/), share: 1, counts: '60 / 60' });
    expect(shares.length).toBeGreaterThan(2);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(faults).toEqual([]);
    await page.close();
  });

  it('goes on after a cut where it broke off, so that nothing that happened meanwhile is missing', async () => {
    const sent: string[] = [];
    const received: string[] = [];
    const { page } = await visit((visited) => {
      visited.on('websocket', (socket) => {
        socket.on('framesent', ({ payload }) => sent.push(String(payload)));
        socket.on('framereceived', ({ payload }) => received.push(String(payload)));
      });
    });
    await page.getByRole('button', { name: 'Create a batch' }).click();
    await turnUntil(page, ([newest]) => newest?.status === 'IN_PROGRESS');

    await line.cut();
    await page.getByText('reconnecting').waitFor();
    const cursor = JSON.parse(received.findLast((frame) => frame.includes('cursor')) ?? '').payload.data
      .batchesUpdated.cursor;
    await service.query(
      'mutation { createBatch(input: { provider: "anthropic", name: "Made meanwhile" }) { __typename } }',
    );
    await service.query(
      `mutation { deleteBatch(input: { batchId: "${await idOf('An empty draft')}" }) { __typename } }`,
    );
    await service.turn(60);
    line.mend();

    await page.getByText('Made meanwhile').waitFor();
    await page.getByText('An empty draft').waitFor({ state: 'detached' });
    const expected = await truth();
    expect(await turnUntil(page, (rows) => rows[1]?.status === 'COMPLETED')).toMatchObject(expected);
    expect(expected[1]).toMatchObject({ name: expect.stringMatching(/^Poems of/), status: 'COMPLETED' });
    const subscriptions = sent.filter((frame) => frame.includes('subscription'));
    expect(subscriptions.map((frame) => JSON.parse(frame).payload.variables.after)).toEqual([null, cursor]);
    await page.close();
  });
});

interface Row {
  readonly name: string;
  readonly status: string;
  readonly share: number;
  readonly counts: string;
}

interface Counts {
  readonly succeeded: number;
  readonly total: number;
}

const rowsOf = (page: Page): Promise<Row[]> =>
  page.locator('tbody tr').evaluateAll((rows) =>
    rows.map((row) => ({
      name: row.querySelector('.name')!.textContent,
      status: row.querySelector('.status')!.textContent,
      share: row.querySelector('progress')!.value,
      counts: row.querySelector('.counts')!.textContent,
    })),
  );

interface Example {
  readonly url: string;
  stop(): Promise<unknown>;
}

/** Runs the example's own server, as its README says, on any port that is free. */
async function startExample(): Promise<Example> {
  const child = spawn(process.execPath, [serveScript], { env: { ...process.env, PORT: '0' } });
  const [printed] = await once(child.stdout, 'data');
  return {
    url: String(printed).trim(),
    async stop() {
      const ended = once(child, 'exit');
      child.kill();
      return ended;
    },
  };
}
