-- Why: `/metrics` tells how many batches and jobs are under way, by status, each few seconds. These indexes hold what has
-- not ended and nothing else, so that the answer costs as much as there is under way, and never a scan of what was.
-- Rollout: two indexes, made in the transaction that migrates, which holds up changes of batches and jobs meanwhile: a
-- second for a million rows. An older process beside a newer one does not notice.
CREATE INDEX "batches_unfinished" ON "batches" USING btree ("status") WHERE status not in ('COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED');--> statement-breakpoint
CREATE INDEX "jobs_unfinished" ON "jobs" USING btree ("provider","status") WHERE status not in ('COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED');