"""What a person runs: each verb is `monsoon VERB` and a plain function of a config, a verb a file."""
