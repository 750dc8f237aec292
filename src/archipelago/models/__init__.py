"""Networks, named by class path in a run's specification."""
