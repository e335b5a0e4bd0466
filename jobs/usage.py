"""What stands below a verb's --help: an example, and where its keys are listed."""

from __future__ import annotations

from collections.abc import Mapping

# `monsoon help VERB` lists the key=value words of these, for some given a further word
WITH_KEYS = {
    **dict.fromkeys(("plan", "doctor", "generate", "train", "sweep", "request"), ""),
    **{"incidents": " SOURCE", "study": " NAME"},
}
EXAMPLES: Mapping[str, str] = {
    "help": "help generate",
    "completion": "completion bash > ~/.local/share/bash-completion/completions/monsoon",
    "incidents": "incidents pythia collisions=10000 output=pool.parquet",
    "plan": "plan run3 events=1000000 output=/data/run3",
    "doctor": "doctor run3 events=1000000 output=/data/run3",
    "scale": "scale",
    "generate": "generate run3 events=100000 output=/data/run3",
    "status": "status /data/run3",
    "campaigns": "campaigns /data state=finished 'mu>=5' model=best",
    "provenance": "provenance /data/run3 42 --json",
    "show": "show /data/run3 42 --out event.html",
    "schema": "schema manifest",
    "verify": "verify /data/run3 --quick",
    "merge": "merge /data/whole /data/cern /data/desy",
    "report": "report /data/run3",
    "train": "train flow-egamma 'train=[mine.h5]' 'validation=[others.h5]' output=out/flow",
    "sweep": "sweep jobs/examples/hyper_parameters.yaml samples=20 output=out/sweep",
    "request": "request jobs/examples/request.yaml output=out/request",
    "showers": "showers hits.edm4hep.root --cells cells.parquet --out mine.h5",
    "sample": "sample --model best --conditions wanted.h5 --out showers.h5",
    "validate": "validate --model out/flow --model library --reference held-out.h5",
    "models": "models --time",
    "demo": "demo out/demo",
    "bench": "bench --quick",
    "study": "study toy output=out/toy",
    "export": "export flow-egamma --out flow-egamma.onnx",
}


def epilog_of(verb: str) -> str | None:
    """The lines below a verb's help; None for a verb that brings its own."""
    if verb not in EXAMPLES:
        return None
    every_key = f"Every key: monsoon help {verb}{WITH_KEYS.get(verb)}\n\n"
    example = EXAMPLES[verb].replace("[", r"\[")  # which rich would take for a style
    return f"{every_key if verb in WITH_KEYS else ''}Example: monsoon {example}"
