"""Alerts and dashboard: valid for their tools, and about metrics that a running gateway has."""

import json
import re
import urllib.request

import stubs
from gateway import Gateway
from orders import market, place, request, watch_to_end
from test_deploy import DEPLOY, run

METRIC = re.compile(r"\bibkr_orders_\w+")


def dashboard():
    return json.loads((DEPLOY / "grafana/dashboard.json").read_text())


def queries():
    """Every query of the dashboard, its variables filled in."""
    found = []
    for panel in dashboard()["panels"]:
        found += [target["expr"] for target in panel.get("targets", [])]
    return [re.sub(r"\$(job|instance)", ".*", expr.replace("$__rate_interval", "5m")) for expr in found]


def test_alerts_are_valid_and_fire_when_they_must(_):
    run("promtool", "check", "rules", DEPLOY / "prometheus/alerts.yaml")
    run("promtool", "test", "rules", "alerts_test.yaml", cwd=DEPLOY / "prometheus")


def test_every_query_of_the_dashboard_is_valid(bench):
    rules = [{"record": f"panel:query:{number}", "expr": expr} for number, expr in enumerate(queries())]
    assert len(rules) > 15
    written = bench.directory / "queries.json"
    written.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    run("promtool", "check", "rules", written)


def test_panels_of_the_dashboard_do_not_overlap(_):
    taken, ids = set(), set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24 and panel["id"] not in ids, panel["title"]
        taken |= cells
        ids.add(panel["id"])


def test_alerts_and_dashboard_name_metrics_that_the_gateway_has(bench):
    gateway = bench.until_end(Gateway(bench.room("gateway")).start())
    with stubs.connect(gateway.address) as orders:
        watch_to_end(orders, place(orders, request(market())).order_id)
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.metrics_port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    run("promtool", "check", "metrics", input=text)
    has = set(re.findall(r"^(\w+)[ {]", text, re.MULTILINE)) | set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    named = set(METRIC.findall(" ".join(queries()) + (DEPLOY / "prometheus/alerts.yaml").read_text()))
    assert len(named) > 15 and named <= has, f"no such metric: {sorted(named - has)}; there are {sorted(has)}"
