"""Envoy, nginx and HAProxy on free ports of loopback, with the configurations of deploy/ and a test's own changes to them."""

import json
import os
import re
import shutil
import urllib.request
from pathlib import Path

import yaml

from gateway import ROOT, Process, bare_environment, free_port

DEPLOY = ROOT / "deploy"
HTTP_MANAGER = "envoy.filters.network.http_connection_manager"


class Envoy:
    """Envoy with a file of deploy/envoy. `ports` maps the gateways' ports in the file to those of the test; `change` may edit
    the parsed configuration."""

    def __init__(self, directory, file, ports, change=lambda config: None):
        config = yaml.safe_load((DEPLOY / "envoy" / file).read_text())
        self.port, self.admin_port = free_port(), free_port()
        config["admin"]["address"]["socket_address"]["port_value"] = self.admin_port
        config["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"] = self.port
        for cluster in config["static_resources"]["clusters"]:
            address = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
            address["port_value"] = ports[address["port_value"]]
        change(config)
        written = Path(directory) / "envoy.json"
        written.write_text(json.dumps(config))
        command = ["envoy", "-c", written, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"]
        self.process = Process("envoy", command, Path(directory) / "envoy.log", bare_environment(), directory)
        self.process.wait_for_port(self.port)
        self.address = f"127.0.0.1:{self.port}"

    def counter(self, name):
        """A statistic by its full name."""
        url = f"http://127.0.0.1:{self.admin_port}/stats?filter=^{re.escape(name)}$"
        with urllib.request.urlopen(url.replace("\\", "%5C"), timeout=30) as answer:
            return int(answer.read().decode().rpartition(": ")[2] or 0)

    def stop(self):
        self.process.stop()


def http_manager(config):
    """The HTTP connection manager of a parsed Envoy configuration."""
    filters = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
    return next(one["typed_config"] for one in filters if one["name"] == HTTP_MANAGER)


def routes(config):
    """The routes of a parsed Envoy configuration."""
    return http_manager(config)["route_config"]["virtual_hosts"][0]["routes"]


class HAProxy:
    """HAProxy with deploy/haproxy/haproxy.cfg. `change` may edit its text."""

    def __init__(self, directory, ports, change=lambda text: text):
        directory = Path(directory)
        self.port = free_port()
        text = (DEPLOY / "haproxy/haproxy.cfg").read_text().replace("127.0.0.1:50050", f"127.0.0.1:{self.port}")
        for port, actual in ports.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{actual}")
        written = directory / "haproxy.cfg"
        written.write_text(change(text))
        # Debian keeps it where only root's PATH leads.
        program = shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")
        self.process = Process("haproxy", [program, "-db", "-f", written], directory / "haproxy.log", bare_environment(), directory)
        self.process.wait_for_port(self.port)
        self.address = f"127.0.0.1:{self.port}"

    def stop(self):
        self.process.stop()


class Nginx:
    """nginx with deploy/nginx/orders.conf. `change` may edit its text."""

    def __init__(self, directory, ports, change=lambda text: text):
        directory = Path(directory)
        self.port = free_port()
        text = (DEPLOY / "nginx/orders.conf").read_text().replace("127.0.0.1:50050", f"127.0.0.1:{self.port}")
        for port, actual in ports.items():
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{actual}")
        paths = "".join(
            f"{kind}_temp_path {directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;" if os.geteuid() == 0 else ""
        written = directory / "nginx.conf"
        written.write_text(
            f"{user} daemon off; worker_processes 1; error_log stderr; pid {directory}/nginx.pid;\n"
            f"events {{ worker_connections 2048; }}\nhttp {{ access_log off; {paths}\n{change(text)}\n}}\n"
        )
        command = ["nginx", "-p", directory, "-e", "stderr", "-c", written]
        self.process = Process("nginx", command, directory / "nginx.log", bare_environment(), directory)
        self.process.wait_for_port(self.port)
        self.address = f"127.0.0.1:{self.port}"

    def stop(self):
        self.process.stop()
