/**
 * The load of the pages' rows, a program of its own: sends one request again and again over connections that stay open,
 * and reads every answer to its end. Told by lines of JSON on its standard input what to send, it answers each with a
 * line. It knows nothing of which server it asks.
 */
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { median } from '../row.ts';
import type { Asked, AskTask } from './wire.ts';

for await (const line of createInterface(process.stdin)) {
  console.log(JSON.stringify(await ask(JSON.parse(line) as AskTask)));
}

async function ask(task: AskTask): Promise<Asked> {
  const agent = new Agent({ keepAlive: true, maxSockets: task.concurrency });
  const took: number[] = [];
  let [left, sample] = [task.requests, ''];
  const asking = async () => {
    while (left > 0) {
      left -= 1;
      const began = performance.now();
      sample = await once(agent, task);
      took.push(performance.now() - began);
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: task.concurrency }, asking));
  const seconds = (performance.now() - began) / 1000;
  agent.destroy();
  return { requestsPerSecond: took.length / seconds, medianMilliseconds: median(took), sample };
}

function once(agent: Agent, { url, headers, body }: AskTask): Promise<string> {
  return new Promise((resolve, reject) => {
    const length = String(Buffer.byteLength(body));
    const all = { ...headers, 'content-type': 'application/json', 'content-length': length };
    const asked = request(url, { agent, method: 'POST', headers: all }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString();
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${response.statusCode}: ${text}`));
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}
