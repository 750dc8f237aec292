"""Studies: config -> runs, a run's training, hypotheses -> verdicts."""
