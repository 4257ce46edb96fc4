/**
 * The package as people get it: packed from a copy of the sources, so that no build is left beside them, installed
 * from the registry into an empty folder, and run there. No install script runs, for many forbid them.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { projectRoot } from '../architecture/project.ts';
import { createTemporaryDirectory } from '../support/clusters.ts';
import { subscribeBySse } from '../support/subscribers.ts';

const run = promisify(execFile);
const installSeconds = 300;

let directory: string;
/** Where the package was installed, and by what names its files went into it. */
let place: string;
let packed: string[];

beforeAll(async () => {
  directory = await createTemporaryDirectory();
  const sources = join(directory, 'sources');
  for (const name of await readdir(projectRoot)) {
    if (/^(?:node_modules|dist|\.git|\.data)$/.test(name)) continue;
    await cp(join(projectRoot, name), join(sources, name), { recursive: true });
  }
  await symlink(join(projectRoot, 'node_modules'), join(sources, 'node_modules'), 'junction');
  place = join(directory, 'installed');
  await mkdir(place);
  await writeFile(join(place, 'package.json'), '{ "private": true }');

  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--prefer-offline'];
  // npm waits five minutes for an answer that stays away, before it asks again.
  const impatient = ['--fetch-timeout=20000', '--fetch-retries=5'];
  const { stdout } = await npm(
    sources,
    'pack',
    '--json',
    '--foreground-scripts=false',
    '--pack-destination',
    place,
  );
  const [{ filename, files }] = JSON.parse(stdout);
  packed = files.map(({ path }: { path: string }) => path);
  await npm(place, 'install', '--ignore-scripts', ...quiet, ...impatient, join(place, filename));
}, installSeconds * 1000);
afterAll(() => rm(directory, { recursive: true, force: true }));

/**
 * The environment without what an outer npm says of itself, and with this node before all others. Where the registry is
 * reached through a proxy, npm cannot do without the certificate of that.
 */
const environment = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        !/^(?:npm_(?!config_(?:registry|cache|userconfig))|INIT_CWD$|NODE_(?!EXTRA_CA_CERTS$))/i.test(name),
    ),
  ),
  PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
};

const npm = (cwd: string, ...args: readonly string[]) =>
  run('npm', args, {
    cwd,
    env: environment,
    maxBuffer: 64 * 1024 * 1024,
    shell: process.platform === 'win32',
  });

const running = new Set<ChildProcess>();
afterAll(() => {
  for (const { pid } of running) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
});

/** Runs the installed command by its name until it has said what `announced` looks for. */
async function start(
  command: string,
  args: readonly string[],
  announced: RegExp,
  more: Record<string, string> = {},
) {
  // A group of its own, because Ctrl-C reaches everything that a terminal has in front.
  const child = spawn(command, args, { cwd: place, env: { ...environment, ...more }, detached: true });
  // When its output is closed, everything that it started has ended, too.
  const exit = once(child, 'close').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  running.add(child);
  let output = '';
  const said = new Promise<RegExpExecArray>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => {
        output += data.toString();
        const match = announced.exec(output);
        if (match !== null) resolve(match);
      });
    }
    void exit.then(() => reject(new Error(`it exited:\n${output}`)));
  });
  const interrupt = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
    return exit;
  };
  return { match: await said, interrupt };
}

describe('the package', () => {
  it('holds what is run and read, and neither sources nor tests', () => {
    const folders = new Set(packed.map((path) => path.split('/')[0]));
    expect([...folders].sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'bin',
      'dist',
      'docs',
      'drizzle',
      'package.json',
      'schema.graphql',
    ]);
    expect(packed).toEqual(expect.arrayContaining(['dist/cli/main.js', 'dist/http/graphiql-browser.js']));
    expect(packed.filter((path) => /\.(?:ts|map|jsonl)$|\.test\.|fixtures/.test(path))).toEqual([]);
  });

  it('tells its version and its commands', async () => {
    const batchql = join(place, 'node_modules', '.bin', 'batchql');
    expect((await run(batchql, ['--version'], { env: environment })).stdout.trim()).toBe(packageJson.version);
    expect((await run(batchql, ['--help'], { env: environment })).stdout).toMatch(/start[\s\S]*emulate/);
  });

  it('emulates the providers with npx, and ends on Ctrl-C', async () => {
    const row = /OPENAI_BASE_URL=(\S+) OPENAI_API_KEY=(\S+)[\s\S]*Ctrl-C/;
    const { match, interrupt } = await start('npx', ['batchql', 'emulate', '--port', '0'], row);
    const answer = await fetch(`${match[1]}/batches`, { headers: { authorization: `Bearer ${match[2]}` } });
    expect(await answer.json()).toMatchObject({ object: 'list', data: [] });
    await interrupt();
    await expect(fetch(String(match[1]))).rejects.toThrow('fetch failed');
  });

  it('runs the service with its migrations, its GraphiQL and a Postgres that no install script prepared', async () => {
    const { match, interrupt } = await start(
      join(place, 'node_modules', '.bin', 'batchql'),
      ['start', '--port', '0'],
      /GraphiQL +(\S+)\/graphql/,
      { DATA_DIR: join(directory, 'data'), SANDBOX_SECONDS: '1' },
    );
    // The first batch is made right after the announcement.
    const feed = subscribeBySse({
      url: String(match[1]),
      query: 'subscription { batchesUpdated { batch { name status } } }',
    });
    expect(await (await fetch(`${match[1]}/readyz`)).json()).toMatchObject({ status: 'ready' });
    const page = await (await fetch(`${match[1]}/graphql`, { headers: { accept: 'text/html' } })).text();
    const script = /graphql\/page\/\w+-browser\.js/.exec(page)?.[0];
    expect(await (await fetch(`${match[1]}/${script}`)).text()).toContain('renderYogaGraphiQL');
    await feed.waitFor(
      ({ batchesUpdated: { batch } }) => batch.name === 'Your first batch' && batch.status === 'COMPLETED',
    );
    await feed.stop();
    expect(await interrupt()).toBe(0);
  });
});

describe('a checkout', () => {
  it('runs its sources, although there is a build beside them', async () => {
    const sources = join(directory, 'sources');
    await writeFile(join(sources, 'dist', 'cli', 'main.js'), "throw new Error('an old build');");
    const { stdout } = await run(process.execPath, [join(sources, 'bin', 'batchql.js'), '--version']);
    expect(stdout.trim()).toBe(packageJson.version);
  });
});
