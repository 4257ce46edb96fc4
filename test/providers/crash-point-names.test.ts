/** The crash points' names: a walk compares them from run to run. */
import { expect, test } from 'vitest';
import { operationOf } from '../support/crashable-service.ts';

test("a crash point has the same name in every run, whatever letters a job's nonce is made of", () => {
  const nameOf = (nonce: string) =>
    operationOf({ method: 'PUT', url: `/bucket/batches/${nonce}/input.jsonl?x-id=PutObject` });

  expect(nameOf('ukuladyuwddtzcjxnivm')).toBe('PUT /bucket/batches/…/input.jsonl');
  expect(nameOf('01234567890123456789')).toBe(nameOf('ukuladyuwddtzcjxnivm'));
});
