-- Why: pages that read as many rows as they show, however many there are: of batches by provider and state, of the failed
-- items of a batch by state or code; and batches found by the beginning of their name and by their metadata.
-- Rollout: indexes only, and nothing of them is in the way of older processes. Building them stops writes to the table for
-- as long as one reading of it takes; those of `results` hold failures alone, so an ingest of successes pays nothing.
CREATE INDEX "batches_page_by_provider" ON "batches" USING btree ("organization_id","provider","status","created_at","id");--> statement-breakpoint
CREATE INDEX "batches_name" ON "batches" USING btree ("organization_id","name" text_pattern_ops) WHERE name is not null;--> statement-breakpoint
CREATE INDEX "batches_metadata" ON "batches" USING gin ("metadata" jsonb_path_ops);--> statement-breakpoint
CREATE INDEX "results_failed_by_status" ON "results" USING btree ("batch_id","status","position") WHERE error_code is not null;--> statement-breakpoint
CREATE INDEX "results_failed_by_code" ON "results" USING btree ("batch_id","error_code","position") WHERE error_code is not null;
