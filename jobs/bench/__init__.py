"""`monsoon bench`: how fast the stages are, and named peers beside them, in one run.

run.py is the verb, comparison.py how two providers are compared, timing.py how they are timed, history.py
where it is kept. composition.py, writing.py, end_to_end.py and stages.py say what is compared; every other
file is one peer: the best that its tool can honestly do, held to the same result bit for bit.
"""
