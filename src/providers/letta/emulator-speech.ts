/**
 * What is said in an agent's turn, as the server's message objects have it: what the agent is told, a tool that it
 * calls on the way, and its answer.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { answerTo } from '../emulator/answers.ts';
import { promptText } from '../emulator/prompt.ts';
import { agentOf } from './emulator-creation.ts';
import type { Switches } from './emulator-store.ts';

/** What a message says, without what every message has. */
export type Draft = JsonObject & { role: string };

/** Whether the agent calls a tool before it answers: where its request or its name asks for that. */
export const usesTools = (request: JsonObject): boolean =>
  agentOf(request).includes('tools') || JSON.stringify(request).includes('emulate:tools');

/** What the agent is told. */
export function toldTo({ messages, input = null }: JsonObject): Draft[] {
  const told = Array.isArray(messages) ? messages.filter(isJsonObject) : [{ role: 'user', content: input }];
  return told.map(({ role, content = null }) => ({
    role: typeof role === 'string' ? role : 'user',
    content: partsOf(content),
  }));
}

/** A step on the way: a call, what it returned, and the word to go on. */
export const firstStep = (callId: string): Draft[] => [
  ...called(callId, 'archival_memory_search', { query: 'emulated', request_heartbeat: true }, '[]'),
  {
    role: 'user',
    content: partsOf(JSON.stringify({ type: 'heartbeat', reason: 'The tool has returned; go on.' })),
  },
];

/** The answer: words, or with older agents the call of a tool that hands them over. */
export function answered(request: JsonObject, callId: string, { answers }: Switches): Draft[] {
  const { messages, input } = request;
  const { text } = answerTo({
    prompt: promptText(messages ?? input),
    format: 'text',
    outputTokensMax: null,
  });
  return answers === 'text'
    ? [{ role: 'assistant', model, content: partsOf(text) }]
    : called(callId, 'send_message', { message: text, request_heartbeat: false }, 'None');
}

const model = 'claude-emulated';

const called = (callId: string, name: string, given: JsonObject, returned: string): Draft[] => {
  const packaged = JSON.stringify({ status: 'OK', message: returned, time: 'emulated' });
  return [
    {
      role: 'assistant',
      model,
      content: [],
      tool_calls: [{ id: callId, type: 'function', function: { name, arguments: JSON.stringify(given) } }],
      tool_call_id: callId,
    },
    {
      role: 'tool',
      model,
      name,
      content: partsOf(packaged),
      tool_calls: [],
      tool_call_id: callId,
      tool_returns: [
        { tool_call_id: callId, status: 'success', stdout: null, stderr: null, func_response: packaged },
      ],
    },
  ];
};

const partsOf = (content: JsonValue): JsonValue[] => {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return Array.isArray(content) ? content : [];
};
