"""Bad YAML and bad words: campaigns, trainings, requirements, detectors."""

from __future__ import annotations

from tests.fuzz.corpus.case import Case, made, swap, swaps, whole, wholes


def yaml(plain: str) -> dict[str, Case]:
    """What is no YAML, or no mapping, whatever the file is for."""
    return wholes(
        (b"\xff\xfe\x00", "not a YAML file"),
        (b"a: [1", "not a YAML file"),
        (b"a: 'x", "not a YAML file"),
        (b"\ta: 1", "not a YAML file"),
        (b"a: *nowhere", "not a YAML file"),
        (b"a: !!python/object/apply:os.system [x]", "not a YAML file"),
        (b"a: 1\n---\nb: 2", "not a YAML file"),
        (b"", "not a mapping"),
        (b"- 1\n- 2", "not a mapping"),
        (b"just words", "not a mapping"),
        (b"42", "not a mapping"),
    )


CAMPAIGN = {
    **yaml("campaign"),
    **swaps(
        ("seed: 7", "seed: -1", "seed"),
        ("seed: 7", "seed: 18446744073709551616", "seed"),
        ("seed: 7", "seed: 1.5", "seed"),
        ("seed: 7", "seed: [7]", "seed"),
        ("seed: 7", "seed: 2001-01-01", "seed"),
        ("mu: 2.5", "mu: 0", "mu"),
        ("mu: 2.5", "mu: .inf", "mu"),
        ("mu: 2.5", "mu: 2,5", "mu"),
        ("mu: 2.5", "mew: 2.5", "did you mean mu?"),
        ("preset: run3", "preset: run9", "run9"),
        ("threshold_mev: 1.0e3", "threshold_mev: -1", "threshold_mev"),
        ("formats: [parquet, root]", "formats: []", "formats"),
        ("formats: [parquet, root]", "formats: parquet", "formats"),
        ("formats: [parquet, root]", "formats: [parquet, parquet]", "each format once"),
        ("shard_events: 100", "shard_events: 0", "shard_events"),
        ("events: 2_000", "events: null", "events"),
        ("events: 2_000", "events: 2_000\nevents: {a: 1}", "events"),
        ("{workers: 2, cpus: 1}", "{workers: 0}", "pools.0.workers"),
        ("{workers: 2, cpus: 1}", "{wrokers: 2}", "did you mean workers?"),
        ("{workers: 2, cpus: 1}", "2", "pools.0"),
        ("deadline_s: 60", "deadline_s: 0", "deadline_s"),
        ("repair: false", "repair: perhaps", "repair"),
        ("signal: null", "signal: []", "signal"),
        ("contributions: true", "contributions: true\nworkers: 3", "pools: instead of workers"),
    ),
}
WORDS = wholes(
    ("campaign\nevents", "not of the form key=value"),
    ("campaign\n=3", "not of the form key=value"),
    ("campaign\nseed=[1", "not YAML"),
    ("campaign\nformats={", "not YAML"),
    ("campaign\ncolour=red", "colour: unknown key"),
    ("campaign\noutput=o\nevents=0", "events"),
    ("campaign\noutput=o\nonly=5000", "only"),
    ("campaign\noutput=o\nfirst_event=-1", "first_event"),
    ("campaign\noutput=o\nmu=null", "incidents"),
    ("campaign\noutput=o\nshard_events=1000001", "shard_events"),
    ("campaign\noutput=o\nseed=2001-99-99", "2001-99-99"),
    ("campaign\noutput=o\npools=[{cpus: -1}]", "pools.0.cpus"),
    ("campaign\noutput=", "output"),
    ("gun\noutput=o\nevents=5\ntheta_rad=0.1\nenergy_mev=5", "pdg"),
    ("gun\noutput=o\nevents=5\ntheta_rad=0.1\nenergy_mev=5\npdg=99999999", "99999999"),
    ("gun\noutput=o\nevents=5\ntheta_rad=0.1\nenergy_mev=5\npdg=[]", "pdg"),
    ("gun\noutput=o\nevents=5\ntheta_rad=2\nenergy_mev=5\npdg=22", "theta_rad"),
    ("gun\noutput=o\nevents=5\ntheta_rad=0.1\nenergy_mev=[9, 5]\npdg=22", "energy_mev"),
    ("gun\noutput=o\nevents=5\ntheta_rad=0.1\nenergy_mev=.nan\npdg=22", "energy_mev"),
    ("gun\noutput=o\nevents=5\nx_mm=1\nenergy_mev=5\npdg=22", "x_mm and y_mm"),
    ("gun\noutput=o\nevents=5\nenergy_mev=5\npdg=22", "does not aim"),
    ("pythia\noutput=o\ncollisions=0", "collisions"),
    ("pythia\noutput=o\ncollisions=1\npolarity=2", "polarity"),
    ("pythia\noutput=o\ncollisions=1\ncards=[NoSuch:thing = on]", "NoSuch:thing"),
    ("hepmc\noutput=o", "input"),
    ("hepmc\noutput=o\ninput=no.hepmc\nweight=[1]", "weight"),
    ("hepmc\noutput=o\ninput=no.hepmc", "no.hepmc"),
    ("overlay\noutput=o\ninput=no.parquet\nmu=1001\nevents=1", "mu"),
    ("overlay\noutput=o\ninput=no.parquet\nmu=1\nevents=1", "no.parquet"),
    ("train\noutput=o\nsteps=0", "steps"),
    ("train\noutput=o\nlearning_rate=-1", "learning_rate"),
    ("train\noutput=o\nbatch=many", "batch"),
    ("train\noutput=o\nworkers=[2, 1]", "workers"),
    ("train\noutput=s3://bucket/x", "output"),
    ("train\noutput=o\noptimiser=sgd", "optimiser"),
)
TRAINING = {
    **{name: case for name, case in yaml("training").items() if case.named == "not a YAML file"},
    **swaps(
        ("family: flow", "family: gan", "family"),
        ("train: [egamma.h5]", "train: []", "train"),
        ("train: [egamma.h5]", "train: [no.h5]", "no.h5: no such file"),
        ("steps: 9000", "steps: 0", "steps"),
        ("steps: 9000", "steps: nine", "steps"),
        ("steps: 9000", "stepz: 9000", "did you mean steps?"),
        ("batch: 512", "batch: -1", "batch"),
        ("learning_rate: 1.5e-3", "learning_rate: .nan", "learning_rate"),
        ("warm_up: 900", "warm_up: 9001", "warm_up"),
        ("clip: 10.0", "clip: -1", "clip"),
        ("ema: 0.998", "ema: 1", "ema"),
        ("schedule: one-cycle", "schedule: stairs", "schedule"),
    ),
}
REQUIREMENTS = {
    **yaml("requirements"),
    **wholes(
        (b"requirements: 3", "requirements: a list"),
        (b"requirements: []", "requirements: at least 1"),
        (b"requirements: [1]", "requirements.0: a mapping"),
        (b"requirements: [{}]", "requirements.0.name"),
        (b"other: []", "requirements"),
        (b"{requirements: [], more: 1}", "more: unknown key"),
    ),
    **swaps(
        ("statistic: auc/high-level", "statistic: auc/nothing", "statistic"),
        ("statistic: auc/high-level", "statistic: 3", "statistic"),
        ("statistic: auc/high-level", "statistic: []", "statistic"),
        ("region: {species: egamma}", "region: {species: quarks}", "species"),
        ("region: {species: egamma}", "region: {species: egamma, pdg: 22}", "pdg"),
        ("region: {species: egamma}", "region: {species: egamma, energy_gev: [5, 1]}", "energy_gev"),
        ("region: {species: egamma}", "region: egamma", "region"),
        ("tolerance: {at_most: 0.58}", "tolerance: {}", "give one of"),
        ("tolerance: {at_most: 0.58}", "tolerance: {at_most: 0.1}", "at_most"),
        ("tolerance: {at_most: 0.58}", "tolerance: {at_most: yes}", "at_most"),
        ("tolerance: {at_most: 0.58}", "tolerance: {at_most: .nan}", "at_most"),
        ("tolerance: {at_most: 0.58}", "tolerance: {absolute: 1, relative: 1}", "give one of"),
        ("tolerance: {at_most: 0.58}", "tolerance: {at_most: 0.58, sigmas: 9}", "sigmas"),
    ),
}
DETECTOR = {
    **yaml("detector"),
    **swaps(
        ("name: lhcb-ecal", "nome: lhcb-ecal", "nome"),
        ("pixel_mm: 20.2", "pixel_mm: 0", "pixel_mm"),
        ("pixel_mm: 20.2", "pixel_mm: wide", "pixel_mm"),
        ("face_z_mm: 12520.0", "face_z_mm: -1", "face_z_mm"),
        ("visible_fraction: 0.167", "visible_fraction: 2", "visible_fraction"),
        ("bits: 12", "bits: 64", "bits"),
        ("photoelectrons_per_mev:", "photoelectrons_per_mev: 0.01 #", "photoelectrons_per_mev"),
        ("threshold_counts:", "threshold_counts: 0 #", "threshold_counts"),
        ("magnet:", "magnet: 4 #", "magnet"),
        ("kick_mev:", "kick_mev: -1 #", "kick_mev"),
    ),
    **made(
        [
            ("zones that do not tile", swap("cell_pixels: 6", "cell_pixels: 7"), "whole cells"),
            ("no zones", whole("{name: x, zones: []}"), "zones"),
        ]
    ),
}
