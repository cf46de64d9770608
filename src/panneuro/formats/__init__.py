"""Foreign files, turned into documents and signals."""
