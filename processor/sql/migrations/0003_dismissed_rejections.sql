-- A rejected event that somebody looked at and that needs nothing more: when they said so, and why. It is kept.
ALTER TABLE rejected_event
    ADD COLUMN dismissed_at timestamptz,
    ADD COLUMN dismissed_because text,
    ADD CHECK ((dismissed_at IS NULL) = (dismissed_because IS NULL));
