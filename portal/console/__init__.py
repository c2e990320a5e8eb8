"""Staff pages: one file per resource, named after the first segment of its address."""
