"""Remote files: their cards, and how they are downloaded, verified and unpacked."""
