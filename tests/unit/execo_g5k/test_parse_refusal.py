import pytest

from execo_g5k.parse.refusal import RefusalKind, parse_refusal
from tests.unit.execo_g5k.kadeploy_transcripts import heard, recorded

OLD, NEW = "3.1.7.2", "3.3.11"
DOMAIN = ".nancy.grid5000.fr"

REFUSED = [
    (NEW, "15-unknown-node", RefusalKind.NODES, ["graphene-99"], None),
    (NEW, "16-unknown-node-prefix", RefusalKind.NODES, ["graphene-99"], None),
    (
        NEW,
        "17-unknown-node-in-range",
        RefusalKind.NODES,
        ["graphene-7", "graphene-8", "graphene-9"],
        None,
    ),
    (NEW, "18-invalid-hostname", RefusalKind.NODES, ["graphene_1"], None),
    (NEW, "20-no-rights", RefusalKind.RIGHTS, [], 6),
    (NEW, "21-no-rights-partial", RefusalKind.RIGHTS, [], 6),
    (NEW, "52-pty-no-rights", RefusalKind.RIGHTS, [], 6),
    (NEW, "30-concurrent-all-discarded", RefusalKind.LOCKED, [], 14),
    (NEW, "57-after-sigterm", RefusalKind.LOCKED, [], 14),
    (NEW, "35-vlan-unresolvable", RefusalKind.OTHER, [], 9),
    (NEW, "10-unknown-env", RefusalKind.OTHER, [], None),
    (NEW, "32-server-down", RefusalKind.OTHER, [], None),
    (NEW, "62-envfile-noimage", RefusalKind.OTHER, [], 5),
    (NEW, "62-envfile-noos", RefusalKind.OTHER, [], 7),
    (NEW, "95-auth-refused", RefusalKind.OTHER, [], None),
    (OLD, "15-unknown-node", RefusalKind.NODES, ["graphene-99"], None),
    (OLD, "20-no-rights", RefusalKind.RIGHTS, ["graphene-5"], None),
    (OLD, "30-concurrent-all-discarded", RefusalKind.LOCKED, [], 201),
    (OLD, "26-missing-env-file", RefusalKind.OTHER, [], 206),
]


@pytest.mark.parametrize(("version", "name", "kind", "nodes", "number"), REFUSED)
def test_recorded_refusals_are_understood(version, name, kind, nodes, number):
    refusal = parse_refusal(heard(recorded(name, version).text).words)
    assert refusal.kind is kind
    assert list(refusal.nodes) == [f"{node}{DOMAIN}" for node in nodes]
    assert refusal.number == number
    assert refusal.text


def test_kadeploys_own_words_are_kept():
    refusal = parse_refusal(heard(recorded("20-no-rights").text).words)
    assert refusal.text == (
        "You do not have sufficient rights to perform the operation on all the nodes"
        " [Kadeploy Error #6]"
    )
