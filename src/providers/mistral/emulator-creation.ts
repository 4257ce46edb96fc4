/** What the vendor says at once against the creation of a job, before it looks at the file. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import type { EmulatorAnswer } from '../emulator/server.ts';
import { endpoints } from './emulator-bodies.ts';
import { invalid } from './emulator-wire.ts';

/** The refusal of a creation; null where it may go on. A job is made of one file here. */
export function refusedCreation(body: JsonObject): EmulatorAnswer | null {
  for (const [member, { problem, holds }] of Object.entries(members)) {
    if (!holds(body[member])) return invalid(['body', member], problem);
  }
  const unknown = Object.keys(body).find((member) => !Object.hasOwn(members, member));
  return unknown === undefined ? null : invalid(['body', unknown], 'Extra inputs are not permitted');
}

/** What a member has to be, in one sentence. */
interface Member {
  readonly problem: string;
  holds(value: JsonValue | undefined): boolean;
}

/** Seven days, which a timeout has to stay below. */
const timeoutHoursEnd = 7 * 24;

const members: Readonly<Record<string, Member>> = {
  input_files: {
    problem: 'Input should be a list of one file id',
    holds: (value) => Array.isArray(value) && value.length === 1 && typeof value[0] === 'string',
  },
  endpoint: {
    problem: `Input should be one of ${[...endpoints.keys()].join(', ')}`,
    holds: (value) => typeof value === 'string' && endpoints.has(value),
  },
  model: {
    problem: 'Input should be a valid string',
    holds: (value = null) => value === null || (typeof value === 'string' && value !== ''),
  },
  metadata: {
    problem: 'Input should be a dictionary of strings',
    holds: (value = null) =>
      value === null ||
      (isJsonObject(value) && Object.values(value).every((text) => typeof text === 'string')),
  },
  timeout_hours: {
    problem: 'Input should be a whole number of hours, less than 7 days',
    holds: (value = 24) => Number.isInteger(value) && Number(value) > 0 && Number(value) < timeoutHoursEnd,
  },
};
