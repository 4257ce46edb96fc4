/** The files of the usual deployment name nothing that is not there. Images cannot be built here. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import packageJson from '../package.json' with { type: 'json' };
import type { Environment } from '../src/config/reading.ts';
import { variables } from '../src/config/variables.ts';
import { readConfig } from '../src/config.ts';
import { providers } from '../src/providers/registry.ts';

const root = new URL('../', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, root), 'utf8');

describe('The Dockerfile', () => {
  const lines = read('Dockerfile').replaceAll('\\\n', ' ').split('\n');
  const instructions = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  const ignored = read('.dockerignore').split('\n');

  it('copies what is in the repository and not held back from it, or what the build makes', () => {
    const [made, kept] = [
      instructions('COPY').filter((copy) => copy.startsWith('--from')),
      instructions('COPY'),
    ];
    expect(made.map((copy) => copy.split(' ')[1])).toEqual(['/app/node_modules', '/app/dist']);
    const sources = kept
      .filter((copy) => !copy.startsWith('--from'))
      .flatMap((copy) => copy.split(' ').slice(0, -1));
    expect(sources.length).toBeGreaterThan(5);
    for (const source of sources) {
      expect(existsSync(fileURLToPath(new URL(source, root))), source).toBe(true);
      expect(ignored, source).toContain(`!${source}`);
    }
  });

  it('copies what the package publishes for its run', () => {
    const copied = instructions('COPY').flatMap((copy) => copy.split(' '));
    for (const needed of ['bin', 'dist', 'drizzle']) {
      expect(packageJson.files).toContain(needed);
      expect(copied).toContain(needed);
    }
  });

  it('stands on the Node that the project is tested with, and does not run as root', () => {
    const major = packageJson.devDependencies.node.split('.')[0];
    for (const image of instructions('FROM')) expect(image).toMatch(new RegExp(`^node:${major}-`));
    expect(instructions('USER')).toEqual(['node']);
  });

  it('starts the program, and asks it for its health where it answers', () => {
    expect(JSON.parse(instructions('ENTRYPOINT')[0] ?? '')).toEqual(['node', packageJson.bin.batchql]);
    expect(JSON.parse(instructions('CMD')[0] ?? '')).toEqual(['start']);
    const [check] = instructions('HEALTHCHECK');
    expect(check).toContain('/readyz');
    expect(read('src/http/health.ts')).toContain("'/readyz'");
    expect(instructions('EXPOSE')).toEqual([String(variables.port.default)]);
    for (const name of ['npm run build']) expect(instructions('RUN')).toContain(name);
  });
});

describe('The compose file', () => {
  const { services, volumes } = parse(read('compose.yaml'), { merge: true });

  it('starts Postgres, an API and a worker, each with what it waits for and stores', () => {
    expect(Object.keys(services)).toEqual(['postgres', 'api', 'worker']);
    for (const role of ['api', 'worker']) {
      expect(services[role].command).toEqual(['start', '--role', role]);
      for (const [name, { condition }] of Object.entries<{ condition: string }>(services[role].depends_on)) {
        expect(condition).toBe('service_healthy');
        expect(services[name].healthcheck.test[0]).toBe('CMD');
      }
    }
    const named = services.postgres.volumes.map((volume: string) => volume.split(':')[0]);
    expect(named).toEqual(Object.keys(volumes));
    expect(services.worker.ports).toBeUndefined();
  });

  it('has settings that the service knows and takes, and no secret of its own', () => {
    const settings: Record<string, string> = services.api.environment;
    expect(services.worker.environment).toEqual(settings);
    const known = Object.values(variables).map(({ name }) => name as string);
    for (const name of Object.keys(settings)) expect(known).toContain(name);
    const secret = '0123456789abcdef';
    const filled: Environment = Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [name, interpolated(value, secret)]),
    );
    const config = readConfig(filled, {}, providers);
    expect(config).toMatchObject({ http: { host: '0.0.0.0', port: 4000 }, apiKey: secret, sandbox: false });
    expect(config.database.url).toBe(`postgres://batchql:${secret}@postgres:5432/batchql`);
    expect(services.api.ports).toEqual([`\${PORT:-4000}:${config.http.port}`]);
    expect(services.postgres.environment.POSTGRES_PASSWORD).toMatch(/^\$\{POSTGRES_PASSWORD:\?/);
    expect(read('.gitignore').split('\n')).toContain('.env');
  });
});

/** What compose makes of a value where every variable that has no default is set. */
const interpolated = (value: string, given: string): string =>
  value.replace(/\$\{\w+(?::\?[^}]*|:-([^}]*))\}/g, (_all, usual?: string) => usual ?? given);
