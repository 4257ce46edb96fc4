/** Faults as they are asked for in JSON: what may be asked, and the rule that an emulator's plan is given. */
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { FaultEffect, FaultRule } from '../providers/emulation.ts';

const headers = z.record(
  z
    .string()
    .regex(/^[\w!#$%&'*+.^`|~-]+$/, 'must be a name of a header')
    .toLowerCase(),
  z.string().regex(/^[\t\x20-\x7e]*$/, 'must be printable ASCII'),
);

const effectSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('drop') }),
  z.strictObject({ kind: z.literal('accept-and-drop') }),
  z.strictObject({
    kind: z.literal('answer'),
    status: z.int().min(200).max(599),
    headers: headers.default({}),
    /** A text, or an object to be sent as JSON. */
    body: z.union([z.string(), z.record(z.string(), z.json())], 'must be a text or an object').default(''),
  }),
  z.strictObject({ kind: z.literal('tear'), afterBytes: z.int().min(0) }),
  z.strictObject({ kind: z.literal('replace'), find: z.string().min(1), by: z.string() }),
  z.strictObject({ kind: z.literal('hold'), seconds: z.number().min(0).max(3600) }),
  z.strictObject({ kind: z.literal('late'), seconds: z.number().min(0).max(3600) }),
]);

type AskedEffect = z.output<typeof effectSchema>;

/** The kinds of effects that can be asked for. */
export const effectKinds = effectSchema.options.map((option) => option.shape.kind.value);

/** A fault as JSON, read into a rule. */
export const faultSchema = z
  .strictObject({
    operation: z.string().min(1),
    effect: effectSchema,
    times: z
      .union([z.int().min(1), z.literal('always')], 'must be a whole number from 1, or "always"')
      .default(1),
    after: z.int().min(0).default(0),
  })
  .transform(
    ({ operation, effect, times, after }): FaultRule => ({
      operation,
      effect: effectOf(effect),
      times: times === 'always' ? Number.POSITIVE_INFINITY : times,
      after,
    }),
  );

function effectOf(effect: AskedEffect): FaultEffect {
  if (effect.kind === 'answer') {
    const { body } = effect;
    return { ...effect, body: typeof body === 'string' ? body : JSON.stringify(body) };
  }
  if (effect.kind === 'replace') {
    // A function, because in a text `$&` would mean what was found.
    return { kind: 'rewrite', rewrite: (body) => body.replaceAll(effect.find, () => effect.by) };
  }
  if (effect.kind === 'hold' || effect.kind === 'late') {
    return {
      kind: effect.kind,
      // Asked for with each call that is hit, so that each waits from its own beginning. In real time: what it tries
      // is a client's patience. It keeps no process alive.
      get until() {
        return wait(effect.seconds * 1000, undefined, { ref: false });
      },
    };
  }
  return effect;
}
