-- Why: requests and results are kept for as long as RESULT_RETENTION_DAYS says. From `results_removed_at` on nobody reads the
-- bodies of a batch, and `removal_position` is how far they are gone; rows stay, with all that is counted of them.
-- Rollout: columns and indexes only. An older process does not know that bodies can be gone: set RESULT_RETENTION_DAYS once
-- every process is of this version. Until then nothing is removed.
ALTER TABLE "items" ALTER COLUMN "request" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "results_removed_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "batches" ADD COLUMN "removal_position" integer;--> statement-breakpoint
CREATE INDEX "batches_kept" ON "batches" USING btree (coalesce(completed_at, failed_at, expired_at, cancelled_at)) WHERE results_removed_at is null;--> statement-breakpoint
CREATE INDEX "batches_removing" ON "batches" USING btree ("id") WHERE removal_position is not null;--> statement-breakpoint
COMMENT ON COLUMN "batches"."removal_position" IS 'Bodies below it are gone; null where no removal is under way.';
