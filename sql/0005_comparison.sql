-- migrate:up

-- Versions are compared by what they answered in a stretch of time.

CREATE INDEX predictions_of_version_in_time ON predictions (model_version, created_at);
CREATE INDEX shadow_predictions_of_version_in_time
    ON shadow_predictions (model_version, created_at);

-- migrate:down

DROP INDEX predictions_of_version_in_time, shadow_predictions_of_version_in_time;
