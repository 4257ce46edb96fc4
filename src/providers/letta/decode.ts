/**
 * How a result line is read: one agent and all its messages of the job, as `results.ts` gathers them. Never throws. A
 * message tells neither tokens nor why the agent stopped; only the job may tell the latter.
 */
import type { JsonValue } from '../../domain/json-line.ts';
import { parsedObject, textAt } from '../../domain/json-reading.ts';
import { unknownUsage } from '../../domain/usage.ts';
import { answered } from '../answered.ts';
import type { Decoding, Outcome } from '../provider.ts';
import { endOf, noTurn, textOf, withMessage } from './turn.ts';

/** Reads `{"agent_id":…,"messages":[…]}`. */
export const decoding: Decoding = {
  decode(line) {
    const value = parsedObject(line);
    if (value === null) return { kind: 'malformed', reason: 'the line is not a JSON object' };
    const { agent_id: key, messages } = value;
    if (typeof key !== 'string') return { kind: 'malformed', reason: 'agent_id is not a string' };
    return { kind: 'result', key, outcome: Array.isArray(messages) ? outcomeOf(messages) : unreadable };
  },
  readText(line) {
    const { messages } = parsedObject(line) ?? {};
    if (!Array.isArray(messages) || endOf(turnOf(messages)) !== 'answered') return null;
    // An agent may tidy its memory after it has spoken.
    for (const message of messages.toReversed()) {
      const text = textOf(message);
      if (text !== null) return text;
    }
    return null;
  },
  // All messages of the agent's turn, and whose it was.
  readResponse: (line) => answered(200, textAt(line, [])),
};

const turnOf = (messages: readonly JsonValue[]) => messages.reduce(withMessage, noTurn);

const outcomeOf = (messages: readonly JsonValue[]): Outcome => outcomes[endOf(turnOf(messages))];

const succeeded: Outcome = {
  status: 'SUCCEEDED',
  errorCode: null,
  errorMessage: null,
  retryable: null,
  stopReason: null,
  usage: unknownUsage,
};

const errored = (errorCode: string, errorMessage: string, retryable: boolean): Outcome => ({
  ...succeeded,
  status: 'ERRORED',
  errorCode,
  errorMessage,
  retryable,
});

const outcomes = {
  answered: succeeded,
  failed: errored('agent_error', 'The agent failed at this request; the provider does not tell why.', false),
  // Its request to the model failed, expired or was cancelled; none of these need happen again.
  unanswered: errored('no_answer', 'The agent left the last message to it unanswered.', true),
} as const satisfies Record<ReturnType<typeof endOf>, Outcome>;

const unreadable = errored(
  'unreadable_result',
  'The provider answered in a form that is not known here.',
  false,
);
