/** OpenAI's emulator, too busy for some requests until it is told to calm down: what is tried again then succeeds. */
import type { TestService } from './service.ts';

/** Lets the requests at these positions fail in a way that may pass (`server_overloaded`); the answer ends it. */
export function makeBusy(service: TestService, positions: readonly number[]): () => void {
  const { faults } = service.emulator('openai');
  const rewrite = (lines: string): string => lines.replaceAll(/^.+$/gm, (line) => busyLine(line, positions));
  faults.add({
    operation: 'content',
    times: Number.POSITIVE_INFINITY,
    effect: { kind: 'rewrite', rewrite },
  });
  return () => faults.clear();
}

function busyLine(line: string, positions: readonly number[]): string {
  const { id, custom_id: key } = JSON.parse(line) as { id: string; custom_id: string };
  if (!positions.includes(Number(/-(\d+)$/.exec(key)?.[1]))) return line;
  const error = {
    message: 'Too busy just now.',
    type: 'server_error',
    param: null,
    code: 'server_overloaded',
  };
  const response = { status_code: 503, request_id: id, body: { error } };
  return JSON.stringify({ id, custom_id: key, response, error: null });
}
