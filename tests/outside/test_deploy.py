"""The files of deploy/: each checked by the tool that reads it, and against what the gateway really is."""

import json
import os
import re
import shutil
import subprocess

import yaml

from gateway import ROOT

DEPLOY = ROOT / "deploy"
OVERLAYS = ("base", "simulator", "mesh", "account-du1234567")
KUBERNETES_VERSION = "1.34"
# Least exposed is 0, most 100.
SYSTEMD_EXPOSURE_MAX = "15"


def run(*command, **options):
    """The output of a command that must succeed."""
    done = subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, **options
    )
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def manifests(overlay):
    return [one for one in yaml.safe_load_all(run("kubectl", "kustomize", DEPLOY / "kubernetes" / overlay)) if one]


def kind(found, name):
    return [one for one in found if one["kind"] == name]


def settings():
    """Every setting that .env.example names."""
    return set(re.findall(r"^(?:# )?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_kubernetes_manifests_are_valid(bench):
    for overlay in OVERLAYS:
        built = bench.directory / f"{overlay}.yaml"
        built.write_text(run("kubectl", "kustomize", DEPLOY / "kubernetes" / overlay))
        run("kubernetes-validate", "--strict", "-k", KUBERNETES_VERSION, built)


def test_a_gateway_is_never_doubled_in_kubernetes(_):
    for overlay in OVERLAYS:
        spec = kind(manifests(overlay), "Deployment")[0]["spec"]
        assert spec["replicas"] == 1 and spec["strategy"] == {"type": "Recreate"}


def test_kubernetes_selectors_find_the_gateway_and_nothing_else(_):
    for overlay in OVERLAYS:
        found = manifests(overlay)
        deployment = kind(found, "Deployment")[0]["spec"]
        labels = deployment["template"]["metadata"]["labels"]
        selectors = [deployment["selector"]["matchLabels"], kind(found, "Service")[0]["spec"]["selector"]]
        selectors += [policy["spec"]["podSelector"]["matchLabels"] for policy in kind(found, "NetworkPolicy")]
        for selector in selectors:
            assert selector and selector.items() <= labels.items(), (overlay, selector)
        callers = kind(found, "NetworkPolicy")[0]["spec"]["ingress"][0]["from"]
        assert callers == [{"podSelector": {"matchLabels": {"ibkr-orders/caller": "true"}}}], callers


def test_probes_ask_the_port_that_metrics_listen_on(_):
    for overlay in OVERLAYS:
        found = manifests(overlay)
        port = int(kind(found, "ConfigMap")[0]["data"]["METRICS_LISTEN"].rpartition(":")[2])
        container = kind(found, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["grpc"]["port"] == port, (overlay, probe)


def test_only_a_mesh_or_a_simulator_goes_without_tls(_):
    for overlay in OVERLAYS:
        found = manifests(overlay)
        arguments = kind(found, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0]["args"]
        protected = "TLS_CLIENT_CA" in kind(found, "ConfigMap")[0]["data"]
        assert protected != ("--insecure" in arguments), overlay
        assert ("--insecure" in arguments) == (overlay in ("mesh", "simulator")), overlay


def test_every_setting_that_is_given_exists(_):
    given = set()
    for overlay in OVERLAYS:
        given |= set(kind(manifests(overlay), "ConfigMap")[0]["data"])
    compose = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    given |= set(compose["services"]["gateway"]["environment"])
    given |= set(re.findall(r"^(?:ENV|   ) ([A-Z_]+)=", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE))
    given |= set(re.findall(r"\b([A-Z_]+)=\S+", re.search(r"^Environment=(.*)$", unit(), re.MULTILINE).group(1)))
    assert len(given) > 8 and given <= settings(), given - settings()


def test_dockerfile_is_clean_and_its_context_builds(bench):
    run("hadolint", DEPLOY / "Dockerfile")
    # What .dockerignore lets through is enough for cargo to read the whole manifest, with the lock file as it is.
    context = bench.room("context")
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in allowed:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, context / name, ignore=shutil.ignore_patterns("clients", "__pycache__"))
        elif source.exists():
            shutil.copy(source, context / name)
    metadata = json.loads(run("cargo", "metadata", "--locked", "--no-deps", "--format-version", "1", "--quiet", cwd=context))
    binaries = [target["name"] for package in metadata["packages"] for target in package["targets"] if "bin" in target["kind"]]
    assert binaries == ["ibkr-orders"], binaries


def test_compose_file_is_valid(bench):
    # The tool that can be installed here is older than the file's `name`.
    written = bench.directory / "compose.yaml"
    written.write_text(re.sub(r"^name: .*\n", "", (DEPLOY / "compose/compose.yaml").read_text(), flags=re.MULTILINE))
    run("docker-compose", "-f", written, "--profile", "simulator", "config", env=os.environ | {"TWS_USERID": "somebody"})


def unit():
    return (DEPLOY / "systemd/ibkr-orders.service").read_text()


def test_systemd_unit_is_valid_and_hardened(bench):
    written = bench.directory / "ibkr-orders.service"
    written.write_text(unit().replace("/usr/local/bin/ibkr-orders", "/bin/true"))
    said = run("systemd-analyze", "verify", "--recursive-errors=no", "--man=no", written)
    assert not said.strip(), said
    run("systemd-analyze", "security", "--offline=true", f"--threshold={SYSTEMD_EXPOSURE_MAX}", written)


def test_proxy_configurations_are_valid(bench):
    for file in ("envoy.yaml", "accounts.yaml"):
        said = run("envoy", "--mode", "validate", "-c", DEPLOY / "envoy" / file)
        assert "eprecated" not in said, said
    written = bench.directory / "nginx.conf"
    written.write_text(f"pid {bench.directory}/pid;\nevents {{}}\nhttp {{ include {DEPLOY}/nginx/orders.conf; }}\n")
    run("nginx", "-t", "-e", "stderr", "-c", written)


def test_haproxy_takes_its_configuration(bench):
    run("haproxy", "-c", "-f", DEPLOY / "haproxy/haproxy.cfg")


def test_the_service_config_covers_every_method_and_retries_only_reads(_):
    config = json.loads((DEPLOY / "grpc/service-config.json").read_text())
    methods = set(re.findall(r"^  rpc (\w+)\(", (ROOT / "proto/orders.proto").read_text(), re.MULTILINE))
    retried, named = set(), []
    for entry in config["methodConfig"]:
        names = [name["method"] for name in entry["name"]]
        named += names
        if "retryPolicy" in entry:
            retried |= set(names)
            assert entry["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
    assert sorted(named) == sorted(methods)
    assert retried == {"Health", "Validate", "Get", "List", "ListPositions", "GetAccount", "GetLimits"}
