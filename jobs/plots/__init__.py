"""The plots that reports, validation and trainings share."""
