/** The page on callbacks: its receivers do what it says, run as they stand there, and its example is one of ours. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { newSecret, signatureHeaders } from '../../src/callbacks/sign.ts';
import { callbackSchema } from '../../src/cli/callback-schema.ts';
import { callbackBodySchema } from '../../src/domain/callback-body.ts';
import { projectRoot } from '../architecture/project.ts';

const page = readFileSync(`${projectRoot}docs/callbacks.md`, 'utf8');
const receivers = [...page.matchAll(/<!-- receiver: executed -->\n```js\n(.*?)```/gs)].map(
  ([, text = '']) => text,
);
const [, example = ''] = /<!-- callback: example -->\n```json\n(.*?)```/s.exec(page) ?? [];

describe('The example of a body', () => {
  it('is one that this service sends, and fits the published schema', () => {
    const body = JSON.parse(example);
    expect(callbackBodySchema.parse(body)).toEqual(body);
    expect(z.fromJSONSchema(JSON.parse(callbackSchema())).parse(body)).toEqual(body);
  });

  it.each(['type', 'timestamp', 'data'])('does not fit it without its %s', (member) => {
    const { [member]: _, ...body } = JSON.parse(example);
    expect(z.fromJSONSchema(JSON.parse(callbackSchema())).safeParse(body).success).toBe(false);
  });
});

it('The page shows a receiver with the library and one without', () => {
  expect(receivers.map((text) => text.includes("from 'standardwebhooks'"))).toEqual([true, false]);
});

describe.each(receivers)('Receiver %#', (text) => {
  it('takes what is genuine, handles it once, and refuses what is forged, old, altered or unsigned', async () => {
    const [secret, next] = [newSecret(), newSecret()];
    const child = spawn(process.execPath, ['--input-type=module', '--eval', text], {
      // Found from where it runs, as in a project of one's own.
      cwd: projectRoot,
      env: { PATH: process.env['PATH'], CALLBACK_SECRET: secret, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    const output = createInterface(child.stdout).on('line', (line) => lines.push(line));
    await once(output, 'line');
    const url = `http://127.0.0.1:${lines[0]?.replace('listening ', '')}/`;
    const signed = (secrets: readonly string[], id: string, secondsAgo = 0) =>
      signatureHeaders(secrets, { id, at: new Date(Date.now() - secondsAgo * 1000), body: example });
    const send = async (headers: Record<string, string>, body = example): Promise<number> =>
      (await fetch(url, { method: 'POST', headers, body })).status;
    try {
      expect(await send(signed([secret], 'one'))).toBe(204);
      // Told again, as after an answer that was lost: with the same id at another time.
      expect(await send(signed([secret], 'one', 5))).toBe(204);
      // While the secret is changed.
      expect(await send(signed([next, secret], 'two'))).toBe(204);
      expect(await send(signed([next], 'three'))).toBe(401);
      expect(await send(signed([secret], 'three', 400))).toBe(401);
      expect(await send(signed([secret], 'three', -400))).toBe(401);
      expect(await send({ ...signed([secret], 'three'), 'webhook-id': 'four' })).toBe(401);
      expect(await send(signed([secret], 'three'), example.replace('COMPLETED', 'FAILED'))).toBe(401);
      expect(await send({ ...signed([secret], 'three'), 'webhook-signature': 'v1,AAAA' })).toBe(401);
      expect(await send({})).toBe(401);
    } finally {
      child.kill();
      await once(child, 'close');
    }
    const told = `batch.completed ${JSON.parse(example).data.batchId}`;
    expect(lines.slice(1)).toEqual([told, told]);
  });
});
