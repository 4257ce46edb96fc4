# BatchQL as a container: the API, the worker, or both, on a Postgres that DATABASE_URL names.
# Build: docker build --tag batchql .    Run: see compose.yaml and docs/deploying.md.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY test/postgres14/package.json test/postgres14/
RUN npm ci --ignore-scripts --workspaces=false
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build
# Without what only builds and tests need, and without the embedded Postgres.
RUN npm prune --omit=dev --omit=optional --ignore-scripts --workspaces=false

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY bin bin
COPY drizzle drizzle
USER node
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT ?? 4000}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# No shell and no npm in between, so that the signal to stop arrives.
ENTRYPOINT ["node", "bin/batchql.js"]
CMD ["start"]
