"""HTTP, independent of resources: request cycle, envelope, errors, strict JSON, authentication."""
