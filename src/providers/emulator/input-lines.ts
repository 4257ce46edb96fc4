/** The lines of a file that an emulator was given. Pure. */

/** The lines of an input, without empty ones; views of the content, not copies. */
export function inputLines(content: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < content.length; ) {
    const newline = content.indexOf('\n', from);
    const end = newline === -1 ? content.length : newline;
    const line = content.subarray(from, content[end - 1] === carriageReturn ? end - 1 : end);
    if (line.length > 0) lines.push(line);
    from = end + 1;
  }
  return lines;
}

const carriageReturn = 0x0d;
