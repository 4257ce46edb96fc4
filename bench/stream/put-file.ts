/** Sends a file by PUT, as `curl -T` does, and times it until the answer is whole. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Turn } from './programs.ts';

const { url, path } = JSON.parse(process.argv[2] ?? '{}') as { url: string; path: string };
const { size } = await stat(path);

const began = performance.now();
const sent = request(url, { method: 'PUT', headers: { 'content-length': size } });
const answered = new Promise<void>((resolve, reject) => {
  sent.once('error', reject).once('response', (response) => {
    const check = (said: string) => (response.statusCode === 200 ? resolve() : reject(new Error(said)));
    text(response).then(check, reject);
  });
});
await Promise.all([pipeline(createReadStream(path, { highWaterMark: 256 * 1024 }), sent), answered]);
const turn: Turn = { milliseconds: performance.now() - began };
console.log(JSON.stringify(turn));
