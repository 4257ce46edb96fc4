/** Downloads a file, as `curl` does, counts its bytes and throws it away; timed until the last. */
import { get, type IncomingMessage } from 'node:http';
import type { Turn } from './programs.ts';

const { url, headers } = JSON.parse(process.argv[2] ?? '{}') as {
  url: string;
  headers: Record<string, string>;
};
const began = performance.now();
const answer = await new Promise<IncomingMessage>((resolve, reject) =>
  get(url, { headers }, resolve).once('error', reject),
);
if (answer.statusCode !== 200) throw new Error(`answered with ${answer.statusCode}`);
let bytes = 0;
for await (const piece of answer) bytes += (piece as Buffer).length;
const turn: Turn = { milliseconds: performance.now() - began, bytes };
console.log(JSON.stringify(turn));
