#!/usr/bin/env node
/**
 * The only file an old Node can read. It refuses politely there, and otherwise hands over: to the sources in a
 * checkout, whether or not there is a build beside them, and to the build in an installed package, which has no
 * sources (Node strips no types below node_modules).
 */
import { existsSync } from 'node:fs';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `BatchQL needs Node 22.18 or newer and this is ${process.versions.node}. In a checkout, "npm ci && npm start" brings its own.`,
  );
  process.exit(1);
}

const sources = new URL('../src/cli/main.ts', import.meta.url);
await import(existsSync(sources) ? sources.href : new URL('../dist/cli/main.js', import.meta.url).href);
