"""`monsoon bench`: how fast the stages are, and named peers beside them, in one run.

run.py is the command. benchmark.py checks and times a stage of Monsoon against its peers, timing.py measures
times, history.py stores them, bars.py has the required speed. composition.py, writing.py, end_to_end.py and
stages.py define the benchmarks. Every other file is one peer: the best that its tool can do, with the same
result bit for bit.
"""
