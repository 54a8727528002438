"""Pictures put straight into the bucket: announced, claimed, classified once, removed."""
