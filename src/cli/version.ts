/** Which version of BatchQL this is, as its package says; the same from the sources and from the build. */
import { readFileSync } from 'node:fs';

/** Such as `0.1.0`. */
export const version: string = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
).version;
