-- Who was told of which change of risk, and over which channel (docs/alerts.md).

-- Of each change that somebody is told of, how far telling has come. message: the id of what is sent, which several
-- changes share in a digest; it never changes, so that whoever gets it twice can tell. taken_at: when it was put into
-- that message. error: why the last attempt failed.
CREATE TABLE alert (
    change_id bigint NOT NULL REFERENCES risk_change ON DELETE CASCADE,
    channel text NOT NULL CHECK (channel IN ('sns', 'webhook')),
    message uuid NOT NULL,
    taken_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    leased_until timestamptz,
    sent_at timestamptz,
    error text,
    PRIMARY KEY (change_id, channel)
);

CREATE INDEX ON alert (message);
CREATE INDEX ON alert (channel, change_id) WHERE sent_at IS NULL;

-- Nobody is told of what changed in a course while it was muted.
CREATE TABLE alert_mute (
    course text NOT NULL,
    muted_from timestamptz NOT NULL,
    muted_until timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (course, muted_from)
);

CREATE INDEX ON risk_change (changed_at);
CREATE INDEX ON risk_change (course, changed_at);

-- Counts requests to refresh: whoever refreshes sees by it whether there was another one meanwhile.
CREATE SEQUENCE refresh_request;

INSERT INTO readable_table (name) VALUES ('alert'), ('alert_mute');
