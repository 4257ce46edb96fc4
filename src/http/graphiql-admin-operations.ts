/** The example operations on an organization's keys, secrets and limits; `graphiql-tabs.ts` puts them among the others. */
import { errorMembers } from './graphiql-operations.ts';

/** Mutation.rotateCallbackSecret. */
export const rotateCallbackSecret = `# Make a secret for callbacks, or a new one. Receivers verify
# with it what is sent to a batch's callbackUrl at its end.
mutation RotateCallbackSecret($input: RotateCallbackSecretInput!) {
  rotateCallbackSecret(input: $input) {
    ... on RotateCallbackSecretPayload {
      callbackSecret { secret createdAt previousExpiresAt }
    }
${errorMembers}
  }
}
`;

/** Mutation.createApiKey. */
export const createApiKey = `# Make a key for somebody else. It is shown once; revokeApiKey
# takes it back. viewer.organization.apiKeys lists all of them.
mutation CreateApiKey($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    ... on CreateApiKeyPayload {
      key
      apiKey { id name scope expiresAt }
    }
${errorMembers}
  }
}
`;

/** Mutation.createReadToken. */
export const createReadToken = `# Let a web page read one batch for a quarter of an hour: it
# puts the token where you put your key, and can do nothing else.
mutation CreateReadToken($input: CreateReadTokenInput!) {
  createReadToken(input: $input) {
    ... on CreateReadTokenPayload {
      token
      readToken { batchIds expiresAt }
    }
${errorMembers}
  }
}
`;

/** Mutation.setBudget. */
export const setBudget = `# How much may be spent in a month, in US dollars. What would
# go beyond it is refused before it is sent; null takes it away.
mutation SetBudget($input: SetBudgetInput!) {
  setBudget(input: $input) {
    __typename
${errorMembers}
  }
}
`;

/** Mutation.setQuotas. */
export const setQuotas = `# Hold your organization to less than it was granted.
mutation SetQuotas($input: SetQuotasInput!) {
  setQuotas(input: $input) {
    ... on SetQuotasPayload {
      organization { quotas { which provider limit current } }
    }
${errorMembers}
  }
}
`;
