"""What `monsoon validate` is made of: samples, figures, verdicts, plots, a page."""
