/** The settings as a table for people: `docs/config.md` is made of it. */
import type { Provider } from '../providers/provider.ts';
import { furtherVariables, providerVariables } from './provider-variables.ts';
import { queueVariables } from './quota-variables.ts';
import { type Variable, variables } from './variables.ts';

/** A Markdown table of every setting of the service and of these providers, without a line feed at its end. */
export function configTable(providers: readonly Provider[]): string {
  const all: readonly Variable<unknown, null>[] = [
    ...Object.values(variables),
    ...providers.flatMap((provider) => [
      ...Object.values(providerVariables(provider)),
      ...furtherVariables(provider).map(({ variable }) => variable),
      ...queueVariables(provider),
    ]),
  ];
  return ['| Variable | Must be | Default | Meaning |', '| --- | --- | --- | --- |', ...all.map(rowOf)].join(
    '\n',
  );
}

function rowOf(variable: Variable<unknown, null>): string {
  const cells = [`\`${variable.name}\``, variable.kind.must, defaultOf(variable), variable.meaning];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function defaultOf({ default: usual, sandboxDefault }: Variable<unknown, null>): string {
  const text = textOf(usual);
  const shown = text === '' ? '' : `\`${text}\``;
  return sandboxDefault === undefined ? shown : `${shown} (sandbox: \`${String(sandboxDefault)}\`)`;
}

/** As it would be written. */
function textOf(value: unknown): string {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return String(value ?? '');
  return Object.entries(value)
    .map(([model, amount]) => (model === '*' ? String(amount) : `${model}=${String(amount)}`))
    .join(',');
}
