-- Why: pages of jobs by state and provider that read as many rows as they show, however few are in a rare state such as UNKNOWN.
-- Rollout: indexes only, and nothing of them is in the way of older processes. Building them stops writes to the table for as
-- long as one reading of it takes.
CREATE INDEX "jobs_page_by_status" ON "jobs" USING btree ("organization_id","status","created_at","id");--> statement-breakpoint
CREATE INDEX "jobs_page_by_provider" ON "jobs" USING btree ("organization_id","provider","status","created_at","id");