"""The lake: store, catalog and documents behind one handle."""
