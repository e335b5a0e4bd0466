"""What a person runs: each verb is `monsoon VERB`, `python -m jobs.VERB` and a plain function of a config."""
