"""Manifests, machines and images fit each other, Ray, and what a worker needs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

import monsoon

ROOT = Path(monsoon.__file__).parent
CLUSTER = ROOT / "cluster"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
LOCK = (ROOT / "requirements-image.lock").read_text()
(RAY,) = re.findall(r"^ray==(\S+)", LOCK, re.MULTILINE)
DRAIN = "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"
WORKER_GIB = 2  # cluster/README.md

# of KubeRay's v1, as its reference lists them
JOB = {
    "activeDeadlineSeconds", "backoffLimit", "clusterSelector", "deletionStrategy", "entrypoint",
    "entrypointNumCpus", "entrypointNumGpus", "entrypointResources", "jobId", "managedBy", "metadata",
    "rayClusterSpec", "runtimeEnvYAML", "shutdownAfterJobFinishes", "submissionMode", "submitterConfig",
    "submitterPodTemplate", "suspend", "ttlSecondsAfterFinished",
}  # fmt: skip
OF_CLUSTER = {
    "authOptions", "autoscalerOptions", "enableInTreeAutoscaling", "gcsFaultToleranceOptions",
    "headGroupSpec", "headServiceAnnotations", "managedBy", "rayVersion", "suspend", "workerGroupSpecs",
}  # fmt: skip
HEAD = {"enableIngress", "headService", "rayStartParams", "serviceType", "template"}
GROUP = {
    "groupName", "idleTimeoutSeconds", "maxReplicas", "minReplicas", "numOfHosts", "rayStartParams",
    "replicas", "scaleStrategy", "suspend", "template",
}  # fmt: skip


def read(path: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CLUSTER / path).read_text())
    return loaded


def ray_cluster(name: str) -> dict[str, Any]:
    """The part of a manifest that describes a RayCluster."""
    manifest = read(f"kubernetes/{name}.yaml")
    assert manifest["apiVersion"] == "ray.io/v1"
    if manifest["kind"] == "RayJob":
        assert manifest["spec"].keys() <= JOB
    spec: dict[str, Any] = manifest["spec"].get("rayClusterSpec", manifest["spec"])
    return spec


def gib(quantity: str) -> float:
    assert quantity.endswith("Gi")
    return float(quantity[:-2])


MANIFESTS = pytest.mark.parametrize("name", ["rayjob", "raycluster"])


@MANIFESTS
def test_manifests_have_fields_of_kuberay_and_the_versions_of_the_image(name: str) -> None:
    spec = ray_cluster(name)
    assert spec.keys() <= OF_CLUSTER
    assert spec["headGroupSpec"].keys() <= HEAD
    assert all(group.keys() <= GROUP for group in spec["workerGroupSpecs"])
    assert spec["rayVersion"] == RAY
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    images = {c["image"] for group in groups for c in group["template"]["spec"]["containers"]}
    assert {image.rpartition(":")[2].removesuffix("-cuda") for image in images} == {VERSION}


@MANIFESTS
def test_a_cluster_asks_for_a_token_and_is_no_load_balancer(name: str) -> None:
    spec = ray_cluster(name)
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["headGroupSpec"]["serviceType"] == "ClusterIP"


@MANIFESTS
def test_a_pod_that_is_taken_away_outlasts_rays_drain(name: str) -> None:
    for group in ray_cluster(name)["workerGroupSpecs"]:
        pod = group["template"]["spec"]
        environment = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
        assert 30 < float(environment[DRAIN]) < pod["terminationGracePeriodSeconds"]


@MANIFESTS
def test_a_pod_has_room_for_a_worker_a_core_and_the_object_store(name: str) -> None:
    groups = {group["groupName"]: group for group in ray_cluster(name)["workerGroupSpecs"]}
    assert "nvidia.com/gpu" not in groups["cpu"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    for group in groups.values():
        pod = group["template"]["spec"]
        resources = pod["containers"][0]["resources"]
        assert resources["requests"] == resources["limits"]
        shm = gib({v["name"]: v for v in pod["volumes"]}["shm"]["emptyDir"]["sizeLimit"])
        assert int(group["rayStartParams"]["object-store-memory"]) < shm * 2**30
        least = WORKER_GIB * float(resources["limits"]["cpu"]) + shm + 1
        assert gib(resources["limits"]["memory"]) >= least


@MANIFESTS
def test_pods_run_as_the_images_user_on_a_read_only_root_file_system(name: str) -> None:
    spec = ray_cluster(name)
    for group in [spec["headGroupSpec"], *spec["workerGroupSpecs"]]:
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert (
            f"USER {pod['securityContext']['runAsUser']}:"
            in (CLUSTER / "containers/Containerfile").read_text()
        )
        assert container["securityContext"]["readOnlyRootFilesystem"]
        mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert mounted.keys() >= {"/tmp", "/dev/shm"}
        assert set(mounted.values()) == {volume["name"] for volume in pod["volumes"]}


def test_rays_launcher_takes_the_virtual_machines() -> None:
    config = read("vm/aws.yaml")
    validate_config(prepare_config(config))
    types = config["available_node_types"]
    assert len({node["node_config"]["InstanceType"].split(".")[0] for node in types.values()}) == 1
    (rule,) = config["provider"]["security_group"]["IpPermissions"]
    assert (rule["FromPort"], rule["ToPort"]) == (22, 22)
    starts = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    assert all("RAY_AUTH_MODE=token" in command for command in starts if "ray start" in command)


def test_rays_launcher_refuses_a_key_that_it_does_not_know() -> None:
    with pytest.raises(Exception, match="max_worker"):
        validate_config(prepare_config({**read("vm/aws.yaml"), "max_worker": 3}))


def installation(path: str) -> list[tuple[str, ...]]:
    """What pip is asked for in a file, step by step, without paths and names of variables."""
    text = (CLUSTER / path).read_text()
    defaults = dict(re.findall(r"^\s*(?:ARG )?(TORCH\w*)=(\S+)$", text, re.MULTILINE))
    for name, value in defaults.items():
        text = text.replace(f"${{{name}}}", value).replace(f"{{{{ {name} }}}}", value)
    steps = re.findall(r"pip install (.*?)(?: \\)?$", text, re.MULTILINE)
    return [
        tuple(
            re.sub(r".*/|\"|\$wheel", "", word)
            for word in step.split()
            if word not in ("--quiet", "--no-cache-dir")
        )
        for step in steps
    ]


@pytest.mark.parametrize("path", ["containers/monsoon.def", "vm/aws.yaml", "htcondor/part.sh"])
def test_all_nodes_are_installed_like_the_image(path: str) -> None:
    def kinds(steps: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
        return [tuple(word for word in step if not word.startswith("monsoon_hep") and word) for step in steps]

    image = installation("containers/Containerfile")
    assert len(image) == 3
    assert (
        "torch==" + re.findall(r"^TORCH \?= torch==(\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)[0]
    ) in image[1]
    assert kinds(installation(path)) == kinds(image)
