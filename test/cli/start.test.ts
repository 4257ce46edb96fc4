import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { createTemporaryDirectory } from '../support/clusters.ts';
import { type RunningProcess, runBatchql } from '../support/processes.ts';
import { subscribeBySse } from '../support/subscribers.ts';

let directory: string;
beforeAll(async () => {
  directory = await createTemporaryDirectory();
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const running: RunningProcess[] = [];
afterAll(async () => {
  for (const { child, exit } of running) {
    if (child.exitCode === null) child.kill('SIGTERM');
    await exit;
  }
});

async function start(environment: Record<string, string> = {}) {
  const started = runBatchql(['start', '--port', '0'], {
    DATA_DIR: join(directory, 'data'),
    SANDBOX_SECONDS: '3',
    ...environment,
  });
  running.push(started);
  const { url } = await started.logged('BatchQL is running');
  return { ...started, url: String(url) };
}

const ask = async (url: string, query: string) => {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${sandboxKey}` },
    body: JSON.stringify({ query }),
  });
  return (
    (await response.json()) as { data: { batches: { edges: { node: { id: string; name: string } }[] } } }
  ).data;
};

const listOfBatches = '{ batches { edges { node { id name } } } }';
const follow = 'subscription($id: ID!) { batchUpdated(id: $id) { batch { status } } }';

describe('npm start without any setting', () => {
  it('runs the service with a first batch that moves to its end, outlives a kill, and stops with its Postgres on SIGTERM', async () => {
    const first = await start();
    expect(await (await fetch(`${first.url}/readyz`)).json()).toMatchObject({ status: 'ready' });
    const page = await fetch(`${first.url}/graphql`, { headers: { accept: 'text/html' } });
    expect(await page.text()).toContain(sandboxKey);

    // The first batch is made right after the announcement.
    const feed = subscribeBySse({
      url: first.url,
      query: 'subscription { batchesUpdated { batch { id name status } } }',
    });
    const { batchesUpdated } = await feed.waitFor(
      (data) => data.batchesUpdated.batch.name === 'Your first batch',
    );
    const { id } = batchesUpdated.batch;
    await feed.stop();
    const moving = subscribeBySse({ url: first.url, query: follow, variables: { id } });
    await moving.waitFor((data) => data.batchUpdated.batch.status === 'IN_PROGRESS');
    first.child.kill('SIGKILL');
    await first.exit;

    const second = await start();
    const { batches } = await ask(second.url, listOfBatches);
    expect(batches.edges.map(({ node }) => node.id)).toContain(id);
    const again = subscribeBySse({ url: second.url, query: follow, variables: { id } });
    await again.waitFor((data) => data.batchUpdated.batch.status === 'COMPLETED');
    await again.done;

    const open = subscribeBySse({
      url: second.url,
      query: 'subscription { batchesUpdated { seq } }',
    });
    await ask(second.url, listOfBatches);
    second.child.kill('SIGTERM');
    await open.done;
    expect(await second.exit).toBe(0);
    expect(second.output()).not.toContain('"level":50');

    const third = await start({ SANDBOX: 'true' });
    const { batches: kept } = await ask(third.url, listOfBatches);
    expect(kept.edges).toHaveLength(3);
    third.child.kill('SIGINT');
    expect(await third.exit).toBe(0);
  });
});

describe('roles', () => {
  it('an API process and a worker process share the work on one embedded database', async () => {
    const dataDir = join(directory, 'roles');
    const api = runBatchql(['start', '--port', '0', '--role', 'api'], { DATA_DIR: dataDir });
    running.push(api);
    const { url } = await api.logged('BatchQL is running');
    const feed = subscribeBySse({
      url: String(url),
      query: 'subscription { batchesUpdated { batch { name status } } }',
    });
    const worker = runBatchql(['start', '--port', '0', '--role', 'worker'], {
      DATA_DIR: dataDir,
      SANDBOX_SECONDS: '3',
    });
    running.push(worker);
    await worker.logged('BatchQL is running');
    await feed.waitFor(
      ({ batchesUpdated: { batch } }) => batch.name === 'Your first batch' && batch.status === 'COMPLETED',
    );
    await feed.stop();
    worker.child.kill('SIGTERM');
    expect(await worker.exit).toBe(0);
    api.child.kill('SIGTERM');
    expect(await api.exit).toBe(0);
  });
});
