/**
 * Executes queries by their plans (`plan.ts`, `run.ts`), and by the library's executor whatever has none, and whatever
 * does not go well: so an answer with an error in it is always the library's. Why: docs/decisions/execution.md.
 */
import type { DocumentNode, ExecutionArgs } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { type Context, forgetLoaded } from '../../context.ts';
import { type Plan, planOf } from './plan.ts';
import { run } from './run.ts';

/** The plugin that does it, on every transport. */
export function plannedExecution(): Plugin<Context> {
  // Documents are kept, and asked again and again; of each only the operation that was asked last.
  const plans = new WeakMap<DocumentNode, { readonly name: string | null; readonly plan: Plan | null }>();

  function planFor({ schema, document, operationName }: ExecutionArgs): Plan | null {
    const name = operationName ?? null;
    const known = plans.get(document);
    if (known?.name === name) return known.plan;
    const plan = planOf(schema, document, name);
    plans.set(document, { name, plan });
    return plan;
  }

  return {
    onExecute({ executeFn, setExecuteFn }) {
      setExecuteFn(async (args) => {
        const plan = planFor(args);
        if (plan === null) return executeFn(args);
        const answer = await run(plan, args);
        if (answer !== null) return answer;
        // What could not be loaded would not be tried again.
        forgetLoaded(args.contextValue);
        return executeFn(args);
      });
    },
  };
}
