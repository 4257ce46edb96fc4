/**
 * Refuses operations that go beyond a limit, or that an operator has switched off, before any of it is executed. Works
 * where all transports pass: parsing, validation and execution; so HTTP, server-sent events and WebSocket refuse the
 * same with the same words. What is measured, and how, stands in the files beside.
 */
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  parse,
  Source,
  validate,
} from 'graphql';
import type { GraphQLParams, Plugin } from 'graphql-yoga';
import type { Context } from '../../context.ts';
import { type QueryLimits, usualQueryLimits } from '../../domain/query-limits.ts';
import { complexityOf, type Execution } from './complexity.ts';
import { introspects, measure } from './measure.ts';
import { nestingOf, unparsable } from './nesting.ts';
import { documentOf, type PersistedDocuments } from './persisted.ts';
import { beyondLimit, refusal } from './refusal.ts';

/** What may be asked of the API. */
export interface Defences {
  readonly limits: QueryLimits;
  /** Whether the schema may be asked for. */
  readonly introspection: boolean;
  /** Whether an error names what the caller may have meant, which tells of the schema, too. */
  readonly suggestions: boolean;
  /** The only documents that are executed; null where any is. */
  readonly documents: PersistedDocuments | null;
}

/** The defences where no setting says otherwise. */
export const usualDefences: Defences = {
  limits: usualQueryLimits,
  introspection: true,
  suggestions: false,
  documents: null,
};

/** Takes what an operation of this complexity costs; why it is refused, where it is. */
export type Charge = (context: Context, complexity: number) => Promise<GraphQLError | null>;

/** The plugin that all transports share. */
export function defencesPlugin(
  { limits, introspection, suggestions, documents }: Defences,
  charge: Charge,
): Plugin<Context> {
  const refused = (document: DocumentNode): GraphQLError | null => {
    if (!introspection && introspects(document)) {
      return refusal('INTROSPECTION_OFF', 'The schema cannot be asked for here.');
    }
    return beyondLimit(measure(document), limits);
  };

  /** Why an operation is not executed; else how complex it is, once that is paid for. */
  const weigh = async (execution: Execution & { contextValue: Context }): Promise<GraphQLError | number> => {
    const nesting = nestingOf(execution.variableValues ?? {}, limits.nesting);
    const complexity = complexityOf(execution);
    const beyond = beyondLimit({ nesting, complexity }, limits);
    return beyond ?? (await charge(execution.contextValue, complexity)) ?? complexity;
  };

  const telling = { hideSuggestions: !suggestions };
  return {
    onParams({ params, request, setParams, setResult }) {
      // Whatever JSON was sent; Yoga refuses what is no object, but only after this.
      if (Object(params) !== params) return;
      const documentId = Reflect.get(params, 'documentId') ?? documentIdIn(request);
      const query = documentOf({ query: params.query, documentId }, documents);
      if (query instanceof GraphQLError) setResult({ errors: [query] });
      // A result does not keep Yoga from looking for a text, which one who names a document need not send.
      if (query !== '') setParams({ ...params, query: typeof query === 'string' ? query : '' });
    },
    onParse({ context, setParseFn }) {
      setParseFn((text, options) => {
        const source = text instanceof Source ? text : new Source(text);
        const error = unparsable(source, limits);
        if (error !== null) throw error;
        return parse(source, options);
      });
      return ({ result, replaceParseResult }) => {
        const { operationName } = requestIn(context);
        // A name that is no text is refused as such.
        if (result === null || result instanceof Error || typeof (operationName ?? '') !== 'string') return;
        // Said here because the transports would each say it in words of their own.
        if (getOperationAST(result, operationName) == null) replaceParseResult(unresolved());
      };
    },
    onValidate({ setValidationFn }) {
      setValidationFn((schema: GraphQLSchema, document: DocumentNode, rules) => {
        const error = refused(document);
        return error === null ? validate(schema, document, rules, telling) : [error];
      });
    },
    async onExecute({ args, executeFn, setExecuteFn, setResultAndStopExecution }) {
      const weight = await weigh(args);
      if (weight instanceof GraphQLError) return setResultAndStopExecution({ errors: [weight] });
      setExecuteFn((all) => executeFn({ ...all, ...telling }));
      // Only who asks is told: `{"complexity": true}` in the request's own `extensions`.
      if (requestIn(args.contextValue).extensions?.['complexity'] !== true) return;
      return {
        onExecuteDone({ result, setResult }) {
          if (Symbol.asyncIterator in result) return;
          setResult({ ...result, extensions: { ...result.extensions, complexity: weight } });
        },
      };
    },
    async onSubscribe({ args, subscribeFn, setSubscribeFn, setResultAndStopExecution }) {
      const weight = await weigh(args);
      if (weight instanceof GraphQLError) setResultAndStopExecution({ errors: [weight] });
      else setSubscribeFn((all) => subscribeFn({ ...all, ...telling }));
    },
  };
}

/** Of a request by GET, whose other parameters Yoga reads. */
const documentIdIn = ({ method, url }: Request): string | null =>
  method === 'GET' ? (URL.parse(url)?.searchParams.get('documentId') ?? null) : null;

/** What the request says beside its document. */
const requestIn = (context: unknown): GraphQLParams => (context as { params?: GraphQLParams }).params ?? {};

const unresolved = (): GraphQLError =>
  refusal('OPERATION_RESOLUTION_FAILURE', 'Could not determine what operation to execute.');
