"""`monsoon bench`: how fast the stages are, and named peers beside them, in one run.

run.py is the verb. benchmark.py checks and times one stage of ours against its peers, timing.py takes the
times, history.py keeps them, bars.py says what is promised. composition.py, writing.py, end_to_end.py and
stages.py define the benchmarks. Every other file is one peer: the best that its tool can do, held to the same
result bit for bit.
"""
