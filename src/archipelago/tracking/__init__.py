"""MLflow: a study's finished runs, written down after training. Importing this room does not import MLflow."""

from archipelago.tracking.log import StudyFacts, Summary, track
from archipelago.tracking.runs import TrackedRun
from archipelago.tracking.store import DEFAULT_URI, serve

__all__ = ["DEFAULT_URI", "StudyFacts", "Summary", "TrackedRun", "serve", "track"]
