import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runBatchql } from '../support/processes.ts';

let directory: string;
let database: TestDatabase;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'batchql-start-'));
  database = await createTestDatabase();
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
  await database.drop();
});

/** What the process said, without the log, and how it ended. */
async function failureOf(
  args: readonly string[],
  environment: Record<string, string> = {},
  nodeOptions: readonly string[] = [],
) {
  const started = runBatchql(args, environment, nodeOptions);
  const code = await started.exit;
  return { code, said: started.output().trim() };
}

describe('a start that cannot succeed says why in one sentence and exits with 1', () => {
  it('on a Node that is too old', async () => {
    const older = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.20.2'})`;
    expect(await failureOf(['start'], {}, ['--import', older])).toEqual({
      code: 1,
      said: 'BatchQL needs Node 22.18 or newer and this is 20.20.2. In a checkout, "npm ci && npm start" brings its own.',
    });
  });

  it('on a port that is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      expect(
        await failureOf(['start', '--port', String(port)], {
          DATABASE_URL: database.url,
          SANDBOX: 'true',
          DATA_DIR: directory,
        }),
      ).toEqual({ code: 1, said: `Port ${port} is taken on 127.0.0.1; set PORT to a free one.` });
    } finally {
      other.close();
    }
  });

  it('on a data directory that cannot be written', async () => {
    const file = join(directory, 'a-file');
    await writeFile(file, '');
    const { code, said } = await failureOf(['start', '--port', '0'], { DATA_DIR: join(file, 'data') });
    expect(code).toBe(1);
    expect(said.split('\n')).toHaveLength(1);
    expect(said).toMatch(/data directory/i);
  });

  it('on a DATABASE_URL where nobody answers, without repeating its password', async () => {
    const { code, said } = await failureOf(['start', '--port', '0'], {
      DATABASE_URL: 'postgres://someone:hunter2@127.0.0.1:9/nothing',
    });
    expect({ code, said }).toEqual({
      code: 1,
      said: "The database at DATABASE_URL cannot be used (ECONNREFUSED); check that it runs, and the user's rights.",
    });
  });

  it('on a DATABASE_URL whose database does not exist', async () => {
    const url = new URL(database.url);
    url.pathname = '/there_is_no_such_database';
    const { code, said } = await failureOf(['start', '--port', '0'], { DATABASE_URL: url.href });
    expect({ code, said }).toEqual({
      code: 1,
      said: "The database at DATABASE_URL cannot be used (3D000); check that it runs, and the user's rights.",
    });
  });

  it('on settings that are wrong, all of them at once', async () => {
    const { code, said } = await failureOf(['start'], {
      PORT: 'many',
      EVENTS: 'sometimes',
      BATCHQL_API_KEY: 'short',
    });
    expect(code).toBe(1);
    for (const name of ['PORT', 'EVENTS', 'BATCHQL_API_KEY']) expect(said).toContain(name);
    expect(said).not.toContain('short');
  });

  it('on --live without a key of any provider', async () => {
    const { code, said } = await failureOf(['start', '--live']);
    expect(code).toBe(1);
    expect(said).toContain('OPENAI_API_KEY');
    expect(said).toContain('ANTHROPIC_API_KEY');
  });
});

describe('the command line', () => {
  it('tells its commands and options with --help', async () => {
    const { code, said } = await failureOf(['--help']);
    expect(code).toBe(0);
    expect(said).toMatch(/start[\s\S]*demo/);
  });

  it('refuses a port that is none', async () => {
    const { code, said } = await failureOf(['start', '--port', '70000']);
    expect(code).toBe(1);
    expect(said).toContain('from 0 to 65535');
  });
});
