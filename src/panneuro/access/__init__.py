"""Access is arithmetic: a price book turns bytes into money."""
