/** What an operator's probes ask: is the process alive, and is it ready to work. */
import type { ServerResponse } from 'node:http';
import { answerJson } from './plain-answer.ts';

/** The checks behind /readyz, by name; each resolves to whether it passes. */
export type Readiness = Readonly<Record<string, () => Promise<boolean>>>;

/** Answers `/healthz` (the process runs) and `/readyz` (every check passes, else 503); false for other paths. */
export async function answerHealth(
  pathname: string,
  response: ServerResponse,
  readiness: Readiness,
): Promise<boolean> {
  if (pathname === '/healthz') {
    answerJson(response, 200, { status: 'ok' });
    return true;
  }
  if (pathname !== '/readyz') return false;
  const results = await Promise.all(
    Object.entries(readiness).map(async ([name, check]) => [name, await check().catch(() => false)] as const),
  );
  const ready = results.every(([, passes]) => passes);
  answerJson(response, ready ? 200 : 503, {
    status: ready ? 'ready' : 'not ready',
    checks: Object.fromEntries(results),
  });
  return true;
}
