"""Node embeddings of graphs."""
