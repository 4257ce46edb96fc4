-- Why: what an organization spends by day, provider and model, added to by the statement that stores a result, so that
-- it counts once. A row for each batch, which whoever stores results has locked: nobody waits for another batch's row,
-- and what a deleted batch cost stays. `model` is empty where requests name none, because a primary key takes no null.
-- Rollout: one reading of all results fills it. An older process that ingests beside a newer one adds nothing; stop it first.
CREATE TABLE "spend" (
	"batch_id" uuid NOT NULL,
	"day" date NOT NULL,
	"model" text NOT NULL,
	"organization_id" uuid NOT NULL,
	"provider" text NOT NULL,
	"sandbox" boolean NOT NULL,
	"succeeded" integer NOT NULL,
	"unpriced" integer NOT NULL,
	"input_tokens" bigint,
	"output_tokens" bigint,
	"cached_input_tokens" bigint,
	"cache_write_input_tokens" bigint,
	"reasoning_tokens" bigint,
	"cost" numeric,
	"saved" numeric,
	CONSTRAINT "spend_pkey" PRIMARY KEY("batch_id","day","model")
);
--> statement-breakpoint
CREATE INDEX "spend_by_day" ON "spend" USING btree ("organization_id","day");--> statement-breakpoint
INSERT INTO "spend" (batch_id, day, model, organization_id, provider, sandbox, succeeded, unpriced, input_tokens,
  output_tokens, cached_input_tokens, cache_write_input_tokens, reasoning_tokens, cost, saved)
SELECT b.id, (r.finished_at AT TIME ZONE 'UTC')::date, coalesce(j.model, i.model, ''), b.organization_id, b.provider,
  b.sandbox, count(*) FILTER (WHERE r.status = 'SUCCEEDED'),
  count(*) FILTER (WHERE r.status = 'SUCCEEDED' AND r.cost IS NULL), sum(r.input_tokens), sum(r.output_tokens),
  sum(r.cached_input_tokens), sum(r.cache_write_input_tokens), sum(r.reasoning_tokens), sum(r.cost), sum(r.saved)
FROM "results" r JOIN "batches" b ON b.id = r.batch_id LEFT JOIN "jobs" j ON j.id = r.job_id
  LEFT JOIN "items" i ON i.batch_id = r.batch_id AND i.position = r.position
WHERE r.status = 'SUCCEEDED' OR r.cost IS NOT NULL OR coalesce(r.input_tokens, r.output_tokens, r.cached_input_tokens,
  r.cache_write_input_tokens, r.reasoning_tokens) IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6;--> statement-breakpoint
COMMENT ON COLUMN "spend"."cost" IS 'US dollars; null where nobody knows it, never 0 for that.';
