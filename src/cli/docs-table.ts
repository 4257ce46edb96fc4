/** Markdown for the generated parts of `docs/`. */

/** The text as code. */
export const code = (text: string): string => `\`${text}\``;

/** A table, without a line feed at its end. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
