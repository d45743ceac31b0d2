-- Plans that are being carried out, or whose run ended meanwhile: few among many, and a plan may be megabytes.
CREATE INDEX plans_applying ON sync.plans (organization_id) WHERE document->'applying' = 'true';
