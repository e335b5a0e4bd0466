"""All bad inputs, by reader."""

from __future__ import annotations

from tests.fuzz.corpus import configs, listings, showers, stored, tables
from tests.fuzz.corpus.case import Case

CORPUS: dict[str, dict[str, Case]] = {
    "hepmc3": listings.HEPMC3,
    "hepmc2": listings.HEPMC2,
    **listings.PACKED,
    "lhe": listings.LHE,
    "lhe-gz": listings.LHE_GZ,
    "table": tables.TABLE,
    "incidents": tables.INCIDENTS,
    "shard-parquet": tables.SHARD_PARQUET,
    "showers": showers.SHOWERS,
    "conditions": showers.CONDITIONS,
    "campaign-yaml": configs.CAMPAIGN,
    "words": configs.WORDS,
    "training-yaml": configs.TRAINING,
    "requirements-yaml": configs.REQUIREMENTS,
    "detector-yaml": configs.DETECTOR,
    "model-json": stored.MODEL,
    "model-weights": stored.WEIGHTS,
    "state-json": stored.STATE,
    "training-training": stored.TRAINING,
    "training-network": stored.NETWORK,
    "training-failed": stored.FAILED,
    "campaign-json": stored.CAMPAIGN,
    "record": stored.RECORD,
    "manifest": stored.MANIFEST,
}
