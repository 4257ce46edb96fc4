import { parse } from 'content-disposition';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attachmentHeader } from '../../src/http/file-name.ts';

const id = '01900000-0000-7000-8000-000000000000';
const nameOf = (name: string | null) =>
  parse(attachmentHeader({ id, name }, 'output', 'jsonl')).parameters['filename'];

describe('The file of a download', () => {
  it.each([
    ['Quarterly: März / 第3四半期', 'Quarterly März 第3四半期-output.jsonl'],
    ['../../etc/passwd', 'etc passwd-output.jsonl'],
    ['.bashrc', 'bashrc-output.jsonl'],
    ['--force', 'force-output.jsonl'],
    ['a\u202egpj.exe', 'a gpj.exe-output.jsonl'],
    ['x'.repeat(128), `${'x'.repeat(50)}-output.jsonl`],
    ['///', `${id}-output.jsonl`],
    [null, `${id}-output.jsonl`],
  ])('of a batch called %j is called %s', (name, file) => {
    expect(nameOf(name)).toBe(file);
  });

  it('is a name that no system gives another meaning to, whatever the batch is called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 128 }), (name) => {
        const header = attachmentHeader({ id, name }, 'output', 'jsonl');
        expect(header).toMatch(/^attachment; filename=[\x20-\x7e]+$/);
        const file = nameOf(name) ?? '';
        expect(file).toMatch(/-output\.jsonl$/);
        expect(file).not.toMatch(/[\p{C}<>:"/\\|?*%]|^[\s.-]/u);
        expect(Buffer.byteLength(file)).toBeLessThanOrEqual(255);
      }),
    );
  });
});
