"""Many models at once: rows of one matrix ``[models, parameters]``."""
