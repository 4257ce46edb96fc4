-- Why: what a result cost (`cost`, `saved`) stands with it and is summed into its batch as tokens are, so that it counts
-- once; `estimated_cost_*` is what the requests were thought to cost when they came. `numeric`, because money is exact.
-- Rollout: columns without defaults or with constant ones. What was answered before has no cost and is counted as such,
-- which writes each batch's row once. An older process that ingests beside a newer one counts nothing; stop it first.
ALTER TABLE "batches" ADD COLUMN "cost" numeric;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "saved" numeric;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "unpriced" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "estimated_cost_low" numeric;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "estimated_cost_high" numeric;--> statement-breakpoint
ALTER TABLE "results" ADD COLUMN "cost" numeric;--> statement-breakpoint
ALTER TABLE "results" ADD COLUMN "saved" numeric;--> statement-breakpoint
UPDATE "batches" SET "unpriced" = "succeeded" WHERE "succeeded" > 0;--> statement-breakpoint
COMMENT ON COLUMN "results"."cost" IS 'US dollars; null where nobody knows it, never 0 for that.';--> statement-breakpoint
COMMENT ON COLUMN "batches"."unpriced" IS 'Results that succeeded and have no cost; batches.cost leaves them out.';
