/** Several checks of one input, so that a caller hears of everything at once that is wrong with it. */
import { type Issue, ValidationError } from '../errors.ts';

/** Checks that go on after one has failed. */
export interface IssueCollection {
  /** What the check answers; null where it found something wrong, which is kept. */
  check<Answer>(check: () => Answer): Answer | null;
  /** Throws one `ValidationError` with all that was found, if anything was. */
  refuse(): void;
}

/** Begins to check. */
export function collectIssues(): IssueCollection {
  const issues: Issue[] = [];
  let total = 0;
  return {
    check(check) {
      try {
        return check();
      } catch (error) {
        if (!(error instanceof ValidationError)) throw error;
        issues.push(...error.issues);
        total += error.total;
        return null;
      }
    },
    refuse() {
      if (total > 0) throw new ValidationError(issues, total);
    },
  };
}
