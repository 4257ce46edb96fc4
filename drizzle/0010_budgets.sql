-- Why: how much an organization may spend in a month (`monthly_budget`), what its batches hold of that while they are
-- under way (`reserved`), and the row that submissions lock to be judged one after the other (`budget_months`). What was
-- spent and what is held is summed from `spend` and `batches` when it is asked for, so that storing results locks nothing more.
-- Rollout: what is under way holds what it was thought to cost, less what it has; of what was tried again nobody can tell.
CREATE TABLE "budget_months" (
	"organization_id" uuid NOT NULL,
	"month" text NOT NULL,
	"sandbox" boolean NOT NULL,
	"warned_at" timestamp (3) with time zone,
	CONSTRAINT "budget_months_pkey" PRIMARY KEY("organization_id","month","sandbox")
);
--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "reserved" numeric;--> statement-breakpoint
ALTER TABLE "organizations" ADD COLUMN "monthly_budget" numeric;--> statement-breakpoint
UPDATE "batches" SET "reserved" = greatest(0, "estimated_cost_high" - coalesce("cost", 0))
WHERE "estimated_cost_high" IS NOT NULL AND "attempts" = 1
  AND "status" IN ('SUBMITTED', 'VALIDATING', 'IN_PROGRESS', 'FINALIZING', 'CANCELLING');--> statement-breakpoint
COMMENT ON COLUMN "batches"."reserved" IS 'US dollars; null unless the batch is under way, and where nobody can tell what it will cost.';
