"""A scan of pile-up on a Ray cluster: a job for each point, all of them at once, then what they came to.

    python -m monsoon.jobs.examples.submission http://HEAD:8265 /shared/scan --events 1000

The cluster must see the folder. Words `key=value` are the campaigns'. Run again, the points go on.
"""

from __future__ import annotations

from typing import Annotated

import typer

import monsoon


def main(
    cluster: Annotated[str, typer.Argument(help="the job server of the head, http://HEAD:8265")],
    output: Annotated[str, typer.Argument(help="folder or URL of the campaigns")],
    settings: Annotated[list[str] | None, typer.Argument(help="further key=value words")] = None,
    mu: Annotated[list[float] | None, typer.Option(help="mean number of collisions; repeat")] = None,
    events: Annotated[int, typer.Option(help="events of each point")] = 1000,
    wheel: Annotated[str | None, typer.Option(help="wheel to send; absent: one of this Monsoon")] = None,
) -> None:
    """Submit a campaign for each mean number of collisions, and wait for all."""
    server = monsoon.JobServer(cluster, wheel)
    jobs = {}
    for point in mu or (1, 5.2, 20):
        words = [f"mu={point:g}", f"events={events}", f"output={output}/mu-{point:g}", *(settings or ())]
        jobs[point] = server.submit("generate", "run3", *words)
    for point, job in jobs.items():
        for text in job.said():
            print(text, end="", flush=True)
        print(f"mu={point:g}: exit code {job.code()}")


if __name__ == "__main__":
    typer.run(main)
