/** What one GraphQL operation may ask for, as data: the settings, the refusals and the docs are made of it. */

/** What is counted of an operation before anything of it is executed. */
export type QueryMeasure =
  | 'tokens'
  | 'depth'
  | 'breadth'
  | 'fields'
  | 'aliases'
  | 'directives'
  | 'complexity'
  | 'nesting';

/** The most of each measure that is allowed. */
export type QueryLimits = Readonly<Record<QueryMeasure, number>>;

/** The limit of one measure. */
export interface QueryLimit {
  /** The `extensions.code` of what goes beyond; part of the public API. */
  readonly code: string;
  /** The setting that moves it. */
  readonly setting: string;
  readonly usual: number;
  /** What is counted, as the rest of a sentence that begins with "The most". */
  readonly counts: string;
}

/**
 * Every limit, in the order in which they are looked at. Generous: an introspection of the whole schema and every
 * field of the largest pages are far below; they are there for what nobody writes by hand and no page needs.
 */
export const queryLimits: Readonly<Record<QueryMeasure, QueryLimit>> = {
  tokens: {
    code: 'QUERY_TOO_LONG',
    setting: 'QUERY_TOKENS_MAX',
    usual: 10_000,
    counts: 'names, numbers, texts and signs of a document',
  },
  nesting: {
    code: 'INPUT_TOO_DEEP',
    setting: 'INPUT_DEPTH_MAX',
    usual: 128,
    counts: 'levels of objects and lists in variables, request bodies included',
  },
  depth: {
    code: 'QUERY_TOO_DEEP',
    setting: 'QUERY_DEPTH_MAX',
    usual: 25,
    counts: 'fields that lie inside of each other',
  },
  breadth: {
    code: 'QUERY_TOO_BROAD',
    setting: 'QUERY_BREADTH_MAX',
    usual: 1000,
    counts: 'fields side by side in one selection',
  },
  fields: {
    code: 'QUERY_TOO_LARGE',
    setting: 'QUERY_FIELDS_MAX',
    usual: 5000,
    counts: 'fields of an operation, those of a fragment each time that it is used',
  },
  aliases: {
    code: 'QUERY_TOO_MANY_ALIASES',
    setting: 'QUERY_ALIASES_MAX',
    usual: 500,
    counts: 'fields under another name, those of a fragment each time that it is used',
  },
  directives: {
    code: 'QUERY_TOO_MANY_DIRECTIVES',
    setting: 'QUERY_DIRECTIVES_MAX',
    usual: 100,
    counts: 'directives of a document',
  },
  complexity: {
    code: 'QUERY_TOO_COMPLEX',
    setting: 'QUERY_COMPLEXITY_MAX',
    usual: 250_000,
    counts: 'fields that the answer can have, a list counted as long as `first` or `last` allows',
  },
};

/** The limits where no setting says otherwise. */
export const usualQueryLimits: QueryLimits = {
  tokens: queryLimits.tokens.usual,
  nesting: queryLimits.nesting.usual,
  depth: queryLimits.depth.usual,
  breadth: queryLimits.breadth.usual,
  fields: queryLimits.fields.usual,
  aliases: queryLimits.aliases.usual,
  directives: queryLimits.directives.usual,
  complexity: queryLimits.complexity.usual,
};
