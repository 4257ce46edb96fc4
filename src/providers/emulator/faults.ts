/**
 * The faults that a test (or a curious person) has asked an emulator for. Owned here: which rule hits which
 * call. What a fault does to a connection is `server.ts`.
 */
import type { FaultEffect, FaultPlan, FaultRule } from '../emulation.ts';

/** A plan with the end that the server uses. */
export interface Faults extends FaultPlan {
  /** The effect of the first rule that fits and has turns left, one turn spent; null where none fits. */
  take(operation: string): FaultEffect | null;
}

/** An empty plan. */
export function createFaults(): Faults {
  let rules: { rule: FaultRule; passes: number; turns: number }[] = [];
  return {
    add(rule) {
      rules.push({ rule, passes: rule.after ?? 0, turns: rule.times ?? 1 });
    },
    clear() {
      rules = [];
    },
    take(operation) {
      const hit = rules.find(
        ({ rule, turns }) => turns > 0 && (rule.operation === '*' || rule.operation === operation),
      );
      if (hit === undefined) return null;
      if (hit.passes > 0) {
        hit.passes -= 1;
        return null;
      }
      hit.turns -= 1;
      return hit.rule.effect;
    },
  };
}
