"""What neuroscientists compute: pure functions on signals and arrays, without paths or lakes."""
