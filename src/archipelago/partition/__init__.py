"""Who holds which samples: a table sample -> client, made once, shared by every arm that names it."""
