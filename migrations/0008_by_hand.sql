-- What people do by hand: try a run again, and send a dead letter back to where it came from.
ALTER TABLE ops.runs
    -- Tried again by hand then: the age limit counts from here; created_at stays what it was.
    ADD COLUMN retried_at timestamptz,
    -- Its command stands on the ticks topic, behind what someone waits for.
    ADD COLUMN bulk       boolean NOT NULL DEFAULT false;

-- Messages that died and were sent back, by where they stood on their own topic: Kafka counts offsets anew when a topic is
-- made anew, so the time of the message belongs to its name.
CREATE TABLE ops.replays (
    topic        text NOT NULL,
    partition    integer NOT NULL,
    "offset"     bigint NOT NULL,
    timestamp_ms bigint NOT NULL,
    replays      integer NOT NULL DEFAULT 1,
    replayed_by  text NOT NULL,
    replayed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, "offset", timestamp_ms)
);
