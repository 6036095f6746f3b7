"""The SROS 2 policy allows what the running node opens, and nothing else.

Compared are DDS topics, to which sros2 turns a policy and which the graph names with `no_demangle`: there nothing is
hidden, and a service is the two topics that it is. That the policy is enforced cannot be shown here: the Fast DDS of
the wheels was built without security.
"""

import contextlib
import xml.etree.ElementTree as ElementTree
from collections import Counter

import pytest
from node_fixtures import ROOT, Desk, desk, node_in, tiny  # noqa: F401

pytestmark = pytest.mark.ros

POLICY = ROOT / "config" / "sros2" / "policy.xml"
RULES = {"topics": {"publish", "subscribe"}, "services": {"reply", "request"}}
CONDITIONAL = {"raw": "rt/camera/image_raw", "compressed": "rt/camera/image_raw/compressed", "sim time": "rt/clock"}
"""Condition -> what the node subscribes to only then."""
DISCOVERY_S = 30.0


def profile() -> ElementTree.Element:
    """The rules for the node."""
    found, = ElementTree.parse(POLICY).getroot().findall("enclaves/enclave/profiles/profile")
    return found


def dds_topics(expression: str, rule: str) -> set[tuple[str, str]]:
    """What one rule of the policy allows: (publish or subscribe, DDS topic)."""
    name = f"/instance_seg{expression[1:]}" if expression.startswith("~") else expression
    request, reply = f"rq{name}Request", f"rr{name}Reply"
    return {"publish": {("publish", f"rt{name}")}, "subscribe": {("subscribe", f"rt{name}")},
            "reply": {("subscribe", request), ("publish", reply)},
            "request": {("publish", request), ("subscribe", reply)}}[rule]


def allowed(*conditions: str) -> set[tuple[str, str]]:
    """What the node may do where these conditions hold."""
    everything = set().union(*(dds_topics(expression.text, rule) for group in profile() for rule in group.attrib
                               for expression in group))
    return everything - {("subscribe", topic) for name, topic in CONDITIONAL.items() if name not in conditions}


def opened(desk: Desk) -> set[tuple[str, str]]:  # noqa: F811
    """What the node does."""
    if ("instance_seg", "/") not in desk.node.get_node_names_and_namespaces():
        return set()
    published = desk.node.get_publisher_names_and_types_by_node("instance_seg", "/", no_demangle=True)
    subscribed = desk.node.get_subscriber_names_and_types_by_node("instance_seg", "/", no_demangle=True)
    return {("publish", topic) for topic, _ in published} | {("subscribe", topic) for topic, _ in subscribed}


@pytest.mark.parametrize("conditions", [("raw",), ("compressed", "sim time")])
def test_the_active_node_opens_what_the_policy_allows_and_nothing_else(desk, tiny, tmp_path, conditions):  # noqa: F811
    transport, use_sim_time = conditions[0], str("sim time" in conditions).lower()
    with node_in(desk.domain, tmp_path / "log", {"model": tiny, "transport": transport, "use_sim_time": use_sim_time}):
        desk.until(lambda: ("subscribe", CONDITIONAL[transport]) in opened(desk), "the input's subscription")
        with contextlib.suppress(AssertionError):  # the other end of the network hears of one after another
            desk.until(lambda: opened(desk) == allowed(*conditions), timeout_s=DISCOVERY_S)
        assert opened(desk) == allowed(*conditions)


def test_a_node_that_waits_for_its_manager_opens_nothing_that_is_not_allowed(desk, tiny, tmp_path):  # noqa: F811
    with node_in(desk.domain, tmp_path / "log", {"model": tiny, "autostart": "false"}):
        desk.until(lambda: ("subscribe", "rq/instance_seg/change_stateRequest") in opened(desk), "the node's services")
        assert opened(desk) <= allowed()


def test_the_policy_has_the_form_that_sros2_reads():
    root = ElementTree.parse(POLICY).getroot()
    assert (root.tag, root.attrib) == ("policy", {"version": "0.2.0"})
    enclave, = root.findall("enclaves/enclave")
    assert enclave.attrib == {"path": "/instance_seg"}
    assert profile().attrib == {"ns": "/", "node": "instance_seg"}
    for group in profile():
        assert len(group) > 0
        assert group.attrib.keys() <= RULES[group.tag]
        assert set(group.attrib.values()) == {"ALLOW"}
        assert all(expression.tag == group.tag.removesuffix("s") for expression in group)


def test_the_policy_allows_nothing_twice_and_nothing_by_wildcard():
    expressions = Counter((expression.text, rule) for group in profile() for rule in group.attrib
                          for expression in group)
    assert {expression: count for expression, count in expressions.items() if count > 1} == {}
    assert [text for text, _ in expressions if set(text) & set("*? \n") or text[0] not in "/~"] == []


def test_sros2_reads_the_policy():
    policy = pytest.importorskip("sros2.policy", reason="sros2 is not importable; it comes with a ROS 2 distribution")
    assert policy.load_policy(POLICY).find("enclaves/enclave").get("path") == "/instance_seg"
