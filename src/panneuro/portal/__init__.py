"""The portal: a lake's pages and its HTTP API, with one policy over both."""
