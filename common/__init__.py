"""What the functions share: settings, errors, identity, database, object store, web, inference."""
