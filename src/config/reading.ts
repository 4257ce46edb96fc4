/**
 * Reads settings out of an environment and keeps a list of all that is wrong, so that it can be told at once.
 * What the settings are, and which may stand together, is left to `variables.ts` and `config.ts`.
 */
import { StartError } from '../errors.ts';
import type { Variable } from './variables.ts';

/** Settings by name, as `process.env` holds them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One thing that is wrong with a configuration: the setting, and a sentence's rest that begins with "must". */
export interface ConfigProblem {
  readonly variable: string;
  readonly problem: string;
}

/** A configuration that the service cannot start with. Names each setting and what it must be, never its value. */
export class ConfigError extends StartError {
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ variable, problem }) => `${variable} ${problem}.`);
    super(
      lines.length === 1
        ? `The configuration cannot be used: ${lines[0]}`
        : `The configuration cannot be used:\n${lines.map((line) => `  - ${line}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** An environment that is being read. */
export interface Reading {
  /** Whether the setting is there, whatever it says. An empty text, or one of spaces, is not. */
  has(variable: { readonly name: string }): boolean;
  /** The value, or the default; also the default where what is set cannot be read, which is then a problem. */
  read<Value, Absent>(variable: Variable<Value, Absent>, mode?: 'sandbox'): Value | Absent;
  /** Whether nothing was found wrong with the setting so far. */
  isSound(variable: { readonly name: string }): boolean;
  /** Adds a problem; one that was told before, because its setting is read twice, is not told again. */
  refuse(variable: string, problem: string): void;
  /** Throws a `ConfigError` with every problem, if there are any. */
  finish(): void;
}

/** Begins to read. */
export function openReading(environment: Environment): Reading {
  const problems: ConfigProblem[] = [];
  const textOf = (name: string): string => environment[name]?.trim() ?? '';
  const refuse = (variable: string, problem: string): void => {
    const isTold = problems.some((told) => told.variable === variable && told.problem === problem);
    if (!isTold) problems.push({ variable, problem });
  };
  return {
    has: ({ name }) => textOf(name) !== '',
    isSound: ({ name }) => problems.every(({ variable }) => variable !== name),
    refuse,
    read(variable, mode) {
      const absent = (mode === 'sandbox' ? variable.sandboxDefault : undefined) ?? variable.default;
      const text = textOf(variable.name);
      if (text === '') return absent;
      const result = variable.kind.schema.safeParse(text);
      if (result.success) return result.data;
      refuse(variable.name, `must be ${variable.kind.must}`);
      return absent;
    },
    finish() {
      if (problems.length > 0) throw new ConfigError(problems);
    },
  };
}
