-- Why: a provider can be asked to delete what it keeps of a job, its requests and results, once every result is here:
-- `batches.delete_provider_files` is the wish, `jobs.provider_files` what became of it.
-- Rollout: columns with defaults and an index. Of a job that an older process collects nothing is deleted until
-- `deleteProviderFiles` is called for its batch: ask for deletions once every process is of this version.
ALTER TABLE "batches" ADD COLUMN "delete_provider_files" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "provider_files" text DEFAULT 'KEPT' NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "provider_files_deleted_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "provider_files_error" jsonb;--> statement-breakpoint
CREATE INDEX "jobs_deleting" ON "jobs" USING btree ("credential_id") WHERE provider_files = 'DELETING';
