/**
 * How Postgres' programs are run: as whom, with which environment, and what became of them in their own words.
 */
import type { SpawnOptions } from 'node:child_process';
import type { ServerUser } from './server-user.ts';

/**
 * What both programs are spawned with. Nothing of our own environment is handed on: it holds providers' keys,
 * and the server's user may show its environment to others. English texts, UTC.
 */
export function spawnOptions(user: ServerUser | undefined, workingDirectory: string): SpawnOptions {
  return { cwd: workingDirectory, env: { LC_ALL: 'C', TZ: 'UTC' }, windowsHide: true, ...user };
}

/**
 * Why a program gave up, from what it wrote: its last fatal line without the severity, or else its last line.
 */
export function lastWords(output: string): string {
  const lines = output.split(/\r?\n/).filter((line) => line.trim() !== '');
  const fatal = lines.findLast((line) => /\b(?:FATAL|PANIC|error): /.test(line));
  return (fatal ?? lines.at(-1) ?? 'it said nothing').replace(/^.*?\b(?:FATAL|PANIC|error): +/, '');
}
