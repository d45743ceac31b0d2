-- Rising, so that new runs go to the index's right end, where PostgreSQL inserts without a search and leaves full pages behind;
-- read backwards it is the order in which runs are listed.
DROP INDEX ops.runs_created;
CREATE INDEX runs_created ON ops.runs (created_at, id);
