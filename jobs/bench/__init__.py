"""`monsoon bench`: how fast the stages are, and named peers beside them, in one run.

run.py is the command. benchmark.py checks and times a stage of Monsoon against its peers, timing.py
measures times, history.py stores them, bars.py has the required speed, page.py shows all of it.
composition.py, writing.py, couplings.py, convolutions.py, end_to_end.py, stages.py, growth.py, workers.py
and machine.py define the benchmarks. peers/ has a file for each peer.
"""
