/** `batchql org budget`: what an organization may spend in a month, straight on the service's database. */
import { audited, noTarget } from '../audit/audited.ts';
import { findBudget, monthUse } from '../db/queries/budgets.ts';
import { setBudgetInput } from '../domain/budget.ts';
import { monthOf } from '../domain/month.ts';
import { workerScope } from '../domain/scope.ts';
import { StartError } from '../errors.ts';
import { setBudget } from '../keys/set-budget.ts';
import { table } from './docs-table.ts';
import { onDatabase, organizationOf } from './host.ts';

/** Sets it where an amount is given, and prints it with what is used of it, of money and of what emulators answered. */
export const orgBudget = (nameOrId: string, amount: string | undefined): Promise<void> =>
  onDatabase(async (parts) => {
    const { id, name } = await organizationOf(parts.db, nameOrId);
    if (amount !== undefined) {
      const read = setBudgetInput.safeParse({ limit: amount === 'none' ? null : amount });
      if (!read.success) throw new StartError('The amount must be such as 250.00, or none.');
      const call = { verb: 'setBudget', organizationId: id, target: noTarget };
      await audited(parts, workerScope, call, (db) =>
        setBudget({ ...parts, db }, workerScope, id, read.data),
      );
    }
    const limit = await parts.db.read((q) => findBudget(workerScope, q, id));
    const month = monthOf(parts.clock.now());
    const rows: string[][] = [];
    for (const sandbox of [false, true]) {
      const spender = { organizationId: id, month, sandbox };
      const { spent, reserved } = await parts.db.read((q) => monthUse(workerScope, q, spender));
      rows.push([sandbox ? 'emulated' : 'real', limit ?? 'no limit', spent, reserved]);
    }
    console.log(table([`${name}, ${month}`, 'budget', 'spent', 'reserved'], rows));
  });
