/** The union of a mutation's payload and its typed errors, `<Verb>Result`. */
export const resultOf = (verb: string, types: (new (...args: never[]) => object)[]) => ({
  types,
  directResult: true,
  union: {
    name: `${verb}Result`,
    description: 'The payload, or the typed error that stood against it.',
  },
});
