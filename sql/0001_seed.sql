-- migrate:up

-- The four tables the product was asked for. Later migrations add to them and rename nothing.

CREATE TABLE users (
    user_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email varchar(255) NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE images (
    image_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (user_id),
    filename varchar(255) NOT NULL,
    object_key varchar(512) NOT NULL UNIQUE,
    content_type varchar(100) NOT NULL,
    size_bytes bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE model_versions (
    version varchar(50) PRIMARY KEY,
    model_path varchar(512) NOT NULL,
    is_active boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE predictions (
    prediction_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    image_id uuid NOT NULL REFERENCES images (image_id),
    model_version varchar(50) NOT NULL REFERENCES model_versions (version),
    predicted_class varchar(255) NOT NULL,
    confidence_score double precision NOT NULL,
    prediction_time_ms integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:down

DROP TABLE predictions, model_versions, images, users;
