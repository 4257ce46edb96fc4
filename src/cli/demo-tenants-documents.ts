/** The operations of the demo of two organizations; all work as they stand in GraphiQL. */

/** Sets a budget. */
export const setBudgetDocument = `mutation HoldUsToThis($limit: Decimal) {
  setBudget(input: { limit: $limit }) {
    ... on Error { message }
  }
}`;

/** Submits a batch, or tells what that may cost. */
export const submitDocument = `mutation Submit($input: CreateBatchInput!) {
  createBatch(input: $input) {
    __typename
    ... on CreateBatchPayload { batch { id reserved } }
    ... on DryRunPayload { cost { high } }
    ... on Error { message }
  }
}`;

/** What `submitDocument` answers. */
export interface Submitted {
  readonly createBatch: {
    readonly __typename: string;
    readonly batch?: { readonly id: string; readonly reserved: string | null };
    readonly cost?: { readonly high: string | null } | null;
    readonly message?: string;
  };
}

/** How much is left. */
export const budgetNowDocument = `query HowMuchIsLeft {
  viewer { budget { spent reserved remaining warnedAt } }
}`;

/** What it answers. */
export interface BudgetNow {
  readonly viewer: {
    readonly budget: {
      readonly spent: string;
      readonly remaining: string | null;
      readonly warnedAt: string | null;
    };
  };
}
