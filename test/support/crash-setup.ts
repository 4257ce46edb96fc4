/**
 * Before the tests that kill processes: the process that is killed, `crash-child.ts`, bundled into one file. Loading
 * the sources and their packages one by one takes a process most of a second; loading the bundle, with its code
 * compiled once for all, a tenth of that, and these tests start a thousand processes.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import type { TestProject } from 'vitest/node';
import { createTemporaryDirectory } from './clusters.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The bundled program, and where its compiled code is kept. */
    crashChild: { readonly program: string; readonly codeCache: string };
  }
}

/** Bundles it and tells the tests where it is; what comes back removes it. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const directory = await createTemporaryDirectory();
  const bundle = await rolldown({
    input: fileURLToPath(new URL('./crash-child.ts', import.meta.url)),
    platform: 'node',
    // What optional parts of packages would load if they were there.
    onLog: () => undefined,
    plugins: [
      {
        name: 'files-beside-the-sources',
        transform: (code, id) =>
          code.includes('import.meta.url')
            ? code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href))
            : null,
      },
    ],
  });
  await bundle.write({
    dir: directory,
    format: 'esm',
    entryFileNames: 'crash-child.mjs',
    chunkFileNames: '[name].mjs',
  });
  await bundle.close();
  project.provide('crashChild', {
    program: join(directory, 'crash-child.mjs'),
    codeCache: join(directory, 'compiled'),
  });
  return () => rm(directory, { recursive: true, force: true });
}
