-- Plans that are being carried out, or whose run ended meanwhile: few among many, and a plan may be megabytes.
CREATE INDEX plans_applying ON sync.plans (organization_id) WHERE document->'applying' = 'true';

-- How often a queued run's command was sent again since it was queued: ever less often.
ALTER TABLE ops.runs ADD COLUMN resends smallint NOT NULL DEFAULT 0;
