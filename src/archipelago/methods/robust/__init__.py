"""Learning among peers of which some lie."""
