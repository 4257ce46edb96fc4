/**
 * `batchql demo`: the main job on real input, unattended. Starts a service of its own, classifies every package
 * installed here in one batch, follows it live, downloads the results in order, and checks what it promises:
 * every request has exactly one result, progress was pushed, and nothing was asked while it waited.
 */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SingleBar } from 'cli-progress';
import { StartError } from '../errors.ts';
import type { Provider } from '../providers/provider.ts';
import { findProvider, providers } from '../providers/registry.ts';
import { connectClient, type DemoClient } from './demo-client.ts';
import { type BatchChange, batchUpdatedDocument, createDemoBatchDocument } from './demo-documents.ts';
import { categories, classifications, type InstalledPackage, installedPackages } from './demo-requests.ts';
import { withDemoService } from './demo-service.ts';

/** What the command line says. */
export interface DemoOptions {
  readonly provider: string;
  readonly live?: boolean;
  readonly model?: string;
}

/** A line of a download. */
interface ResultLine {
  readonly position: number;
  readonly customId: string;
  readonly status: string;
}

const differentCountsMin = 5;

/** Runs the demo. Throws `StartError` where it cannot run, and where a check fails. */
export async function demo(options: DemoOptions): Promise<void> {
  const provider = findProvider(options.provider);
  if (provider === null) {
    const known = providers.map(({ name }) => name).join(', ');
    throw new StartError(`There is no provider ${options.provider}; known are ${known}.`);
  }
  await withDemoService({ live: options.live === true }, async (app, key) => {
    const client = connectClient(app.url, key);
    try {
      await run(client, provider, options);
    } finally {
      await client.close();
    }
  });
}

async function run(client: DemoClient, provider: Provider, { model }: DemoOptions): Promise<void> {
  const { requestsMin, requestsMax } = provider.limits;
  const installed = await installedPackages(process.cwd());
  const packages = installed.slice(0, requestsMax ?? installed.length);
  if (packages.length < requestsMin) {
    throw new StartError(
      `There are too few packages in node_modules here; ${provider.title} takes ${requestsMin}.`,
    );
  }
  console.log(`${packages.length} packages, one request each, for ${provider.title}.`);
  const id = await createBatch(client, provider, model, packages);

  const sentBefore = client.sent;
  const { end, differentCounts } = await follow(client, id, packages.length);
  const sentWhileWaiting = client.sent - sentBefore;

  const downloads = [end.outputUrl, end.errorUrl].filter((url) => url !== null);
  const lines = (await Promise.all(downloads.map((url) => client.lines<ResultLine>(url)))).flat();
  lines.sort((a, b) => a.position - b.position);
  const file = join(await mkdtemp(join(tmpdir(), 'batchql-results-')), 'results.jsonl');
  await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  printTable(lines);
  console.log(`\n${lines.length} results in order: ${file}`);

  check(end.status === 'COMPLETED', `the batch ended as ${end.status}`);
  check(
    lines.length === packages.length && lines.every((line, index) => line.customId === packages[index]?.name),
    'a request has no result, or more than one',
  );
  check(differentCounts >= differentCountsMin, `only ${differentCounts} different counts were pushed`);
  check(sentWhileWaiting === 0, `${sentWhileWaiting} requests were sent while it should only have listened`);
  console.log(
    `Checked: every request has exactly one result; ${differentCounts} different counts were pushed; nothing was asked meanwhile.`,
  );
}

async function createBatch(
  client: DemoClient,
  provider: Provider,
  model: string | undefined,
  packages: readonly InstalledPackage[],
): Promise<string> {
  const { createBatch: created } = await client.send<{
    createBatch: { batch?: { id: string }; message?: string };
  }>(createDemoBatchDocument, { input: classifications(provider, model, packages) });
  if (created.batch === undefined) throw new StartError(created.message ?? 'The batch was not created.');
  return created.batch.id;
}

async function follow(client: DemoClient, id: string, total: number) {
  const bar = new SingleBar({
    format: '{bar} {percentage}% | {value}/{total} | {status}',
    noTTYOutput: true,
    notTTYSchedule: 5000,
    stream: process.stdout,
  });
  bar.start(total, 0, { status: 'SUBMITTED' });
  const seen = new Set<string>();
  let end: BatchChange['batchUpdated']['batch'] | null = null;
  for await (const { batchUpdated } of client.follow<BatchChange>(batchUpdatedDocument, { id })) {
    end = batchUpdated.batch;
    seen.add(JSON.stringify([end.counts, end.jobs]));
    const atProvider = end.jobs.edges.reduce((sum, { node }) => sum + (node.counts.succeeded ?? 0), 0);
    bar.update(Math.max(Math.round(end.progress * total), Math.min(atProvider, total)), {
      status: end.status,
    });
  }
  bar.stop();
  if (end === null) throw new StartError('The subscription ended before it told anything.');
  return { end, differentCounts: seen.size };
}

function printTable(lines: readonly ResultLine[]): void {
  const counts = new Map<string, number>();
  for (const line of lines) {
    const text = JSON.stringify(line);
    // The answer is JSON text inside the provider's JSON, so its quotes may be escaped.
    const category = categories.find(
      (name) => text.includes(`category\\":\\"${name}`) || text.includes(`category\\": \\"${name}`),
    );
    const row = line.status === 'SUCCEEDED' ? (category ?? 'unclear') : line.status.toLowerCase();
    counts.set(row, (counts.get(row) ?? 0) + 1);
  }
  console.table(
    [...counts].sort((a, b) => b[1] - a[1]).map(([category, packages]) => ({ category, packages })),
  );
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new StartError(`The demo failed: ${otherwise}.`);
}
