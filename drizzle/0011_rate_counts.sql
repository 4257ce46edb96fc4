-- Why: processes that share a database share the limits of each key and organization; here they tell each other, now and
-- then, what they have counted in the present minute. Unlogged, because it is worth nothing after a crash, and is
-- written for nothing but itself. Rollout: a new table; an older process beside a newer one counts for itself, or not.
CREATE UNLOGGED TABLE "rate_counts" (
	"subject_id" uuid NOT NULL,
	"window_start" timestamp (3) with time zone NOT NULL,
	"points" bigint NOT NULL,
	CONSTRAINT "rate_counts_window_start_subject_id_pk" PRIMARY KEY("window_start","subject_id")
);
