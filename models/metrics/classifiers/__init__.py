"""Classifiers by what they look at: a judge a file."""
