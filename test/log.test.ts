/** What stands in a line of the log, and what never does. Lines are taken where pino writes them. */
import { describe, expect, it } from 'vitest';
import { DatabaseError } from '../src/db/errors.ts';
import { NotFoundError, StartError } from '../src/errors.ts';
import { createLogger } from '../src/log.ts';
import { ProviderFailure } from '../src/providers/failure.ts';

const secret = 'S3CRET-PROMPT';

describe('A line of the log', () => {
  it('is one JSON object with its time, level, text and fields', () => {
    const { log, lines } = openLog();
    log.info({ jobId: 'a job', at: new Date(0), nested: { list: [1, null] } }, 'a job was submitted');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      msg: 'a job was submitted',
      jobId: 'a job',
      at: '1970-01-01T00:00:00.000Z',
      nested: { list: [1, null] },
    });
  });

  it('is left out below the level', () => {
    const { log, lines } = openLog();
    log.debug('unimportant');
    expect(lines).toEqual([]);
  });
});

describe('An error in the log', () => {
  const parsing = errorOf(() => JSON.parse(secret));
  const wrapped = Object.assign(new Error(`what is ${secret}`, { cause: parsing }), {
    detail: secret,
    query: `select '${secret}'`,
    code: '23505',
  });
  const failure = new ProviderFailure('rejected', { code: 'invalid_prompt', message: `no: ${secret}` });
  const lookalike = new Error(`first\n    at ${secret} (/a/file.ts:1:1)`);
  const renamed = new Error(`before\n    at first (/a/file.ts:1:1)\n    at ${secret} (/a/file.ts:2:2)`);
  // A stack is written when it is first asked for, with the message of that moment.
  expect(renamed.stack).toContain(secret);
  renamed.message = `after ${secret}`;
  renamed.name = `name ${secret}`;
  const circular = new Error(secret);
  circular.cause = circular;

  it('is quoted by those who made it', () => {
    for (const error of [parsing, wrapped, failure, lookalike, renamed, circular]) {
      expect(String(error)).toContain(secret);
    }
  });

  it.each<[string, (log: ReturnType<typeof openLog>['log']) => void]>([
    ['beside a text', (log) => log.error({ err: wrapped }, 'it failed')],
    ['without a text', (log) => log.error({ err: wrapped })],
    ['in place of the fields', (log) => log.error(wrapped)],
    ['in place of the fields, with a text', (log) => log.error(wrapped, 'it failed')],
    ['under another name', (log) => log.error({ reason: wrapped, list: [wrapped] }, 'it failed')],
    ['deep inside', (log) => log.error({ a: { b: { c: { d: { e: { f: wrapped } } } } } }, 'it failed')],
    ['as a part of the text', (log) => log.error('it failed: %s %o', wrapped, wrapped)],
    ['of a child logger', (log) => log.child({ err: wrapped }).error('it failed')],
    ['of a provider', (log) => log.error({ err: failure }, 'it failed')],
    ['whose message looks like a stack', (log) => log.error({ err: lookalike }, 'it failed')],
    ['that was changed after it was made', (log) => log.error({ err: renamed }, 'it failed')],
    ['that is its own cause', (log) => log.error({ err: circular }, 'it failed')],
  ])('%s keeps its message and the messages of its causes out of the log', (_title, write) => {
    const { log, lines } = openLog();
    write(log);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('"level":"error"');
    expect(lines[0]).not.toContain(secret);
  });

  it('keeps its name, code, kind, frames and causes', () => {
    const { log, lines } = openLog();
    log.error({ err: wrapped }, 'it failed');
    log.error({ err: failure }, 'it failed');
    const [first, second] = lines.map((line) => JSON.parse(line).err);
    expect(first).toMatchObject({ name: 'Error', code: '23505', cause: { name: 'SyntaxError' } });
    expect(first.stack).toMatch(/^ {4}at .*log\.test\.ts/);
    expect(first.cause.stack).toMatch(/^ {4}at /);
    expect(Object.keys(first).sort()).toEqual(['cause', 'code', 'name', 'stack']);
    expect(second).toMatchObject({ name: 'ProviderFailure', code: 'invalid_prompt', kind: 'rejected' });
  });

  it('stands under "err" where it was logged alone', () => {
    const { log, lines } = openLog();
    log.error(wrapped);
    log.error(new StartError('The port is taken.'));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { err: { code: '23505' } },
      { err: { name: 'StartError' }, msg: 'The port is taken.' },
    ]);
  });

  it('keeps its message where the message is ours', () => {
    const { log, lines } = openLog();
    const ours = [
      new NotFoundError('batch', 'id'),
      new StartError('The port is taken.'),
      new DatabaseError('23505', 'items_custom_id', 'items'),
    ];
    for (const err of ours) log.error({ err }, 'it failed');
    expect(lines.map((line) => JSON.parse(line).err.message)).toEqual(ours.map(({ message }) => message));
  });
});

describe('A credential', () => {
  it('is not written under the names that credentials go by, at any usual depth', () => {
    const { log, lines } = openLog();
    const fields = { apiKey: secret, password: secret, authorization: secret, 'x-api-key': secret };
    log.info({ ...fields, database: { url: secret } }, 'flat');
    log.info({ config: { ...fields, database: { url: secret } } }, 'one deeper');
    log.info({ request: { headers: fields }, config: { providers: { openai: fields } } }, 'deeper still');
    log.child({ config: { providers: { openai: fields } } }).info('bound');
    expect(lines).toHaveLength(4);
    for (const line of lines) {
      expect(line).toContain('[redacted]');
      expect(line).not.toContain(secret);
    }
  });
});

function openLog() {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return { log: createLogger({ level: 'info', destination }), lines };
}

function errorOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
