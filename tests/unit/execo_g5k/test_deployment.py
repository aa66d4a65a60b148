import pytest
from hypothesis import given
from hypothesis import strategies as st

from execo import Host, quoting
from execo_g5k import Deployment, g5k_configuration
from execo_g5k.deployment import by_frontend, environment_argv, kadeploy_argv

A, B = "graphene-1.nancy.grid5000.fr", "graphene-2.nancy.grid5000.fr"
LYON = "nova-1.lyon.grid5000.fr"


def argv(deployment, hosts=None):
    return kadeploy_argv(deployment, hosts or deployment.hosts)


def test_a_deployment_is_the_words_of_kadeploy3():
    deployment = Deployment([A, Host(B, user="root")], env_name="debian11-x64-base")
    assert argv(deployment) == [
        "kadeploy3", "-k", "-d", "-e", "debian11-x64-base", "-m", A, "-m", B,
    ]  # fmt: skip


def test_all_fields_are_in_the_words():
    deployment = Deployment(A, "/my envs/it's.yaml", None, "bob", 4, "-p 3 --force 'a b'")
    assert argv(deployment) == [
        "kadeploy3", "-k", "-d", "-a", "/my envs/it's.yaml", "-u", "bob", "--vlan", "4",
        "-p", "3", "--force", "a b", "-m", A,
    ]  # fmt: skip
    assert Deployment(A, env_name="x", other_options=["-p", "3"]).other_options == ["-p", "3"]


def test_an_environment_given_twice_is_an_error():
    # 27
    with pytest.raises(ValueError, match=r"env_file.*env_name"):
        Deployment(A, "file", "name")
    deployment = Deployment(A, env_name="name")
    deployment.env_file = "file"
    with pytest.raises(ValueError, match=r"env_file.*env_name"):
        argv(deployment)


def test_without_an_environment_the_configured_one_is_deployed():
    # 27
    with pytest.raises(ValueError, match="default_env_name"):
        argv(Deployment(A))
    g5k_configuration["default_env_name"] = "base"
    assert argv(Deployment(A))[3:5] == ["-e", "base"]
    assert argv(Deployment(A, env_file="own"))[3:5] == ["-a", "own"]
    g5k_configuration["default_env_file"] = "/f"
    with pytest.raises(ValueError, match="both"):
        argv(Deployment(A))
    g5k_configuration["default_env_name"] = None
    assert argv(Deployment(A))[3:5] == ["-a", "/f"]


def test_the_settings_say_the_command_and_its_options():
    g5k_configuration["kadeploy3"] = "'/opt/ka deploy3'"
    g5k_configuration["kadeploy3_options"] = ""
    assert argv(Deployment(A, env_name="x")) == ["/opt/ka deploy3", "-e", "x", "-m", A]


@pytest.mark.parametrize("options", ["-k -d", "-d -k", "-k"])
@pytest.mark.parametrize("other", [None, "-k", ["--force"]])
def test_no_name_follows_the_key_option_whose_value_is_optional(options, other):
    # 27
    g5k_configuration["kadeploy3_options"] = options
    words = argv(Deployment([A, B], env_name="x", vlan=3, user="bob", other_options=other))
    followers = [after for word, after in zip(words, words[1:], strict=False) if word == "-k"]
    assert followers
    assert all(word.startswith("-") for word in followers)


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
def test_any_name_of_an_environment_goes_through_a_shell(name):
    if not name.strip() or name.startswith("-"):
        with pytest.raises(ValueError, match="env_name"):
            Deployment(A, env_name=name)
    else:
        words = argv(Deployment(A, env_name=name))
        assert quoting.split(quoting.join(words)) == words
        assert name in words


def test_a_home_in_the_path_of_the_environment_is_that_of_the_frontend():
    deployment = Deployment(A, "~/my env.yaml")
    assert environment_argv(deployment) == ["-a", "my env.yaml"]
    assert environment_argv(deployment, home="/home/bob/") == ["-a", "/home/bob/my env.yaml"]


def test_hosts_are_asked_for_once_by_their_own_names():
    hosts = [A, "graphene-1.nancy", "graphene-1-kavlan-4.nancy.grid5000.fr", "graphene-3", A]
    words = argv(Deployment(hosts, env_name="x"))
    assert words[-4:] == ["-m", A, "-m", "graphene-3"]


def test_hosts_are_grouped_by_frontend():
    # 22
    groups = by_frontend([A, LYON, "graphene-2.nancy", "short-1", B, A])
    assert groups == {"nancy": [A, "graphene-2.nancy", B], "lyon": [LYON], None: ["short-1"]}


def test_hosts_of_no_site_are_all_named():
    with pytest.raises(ValueError, match=r"1\.2\.3\.4.*node\.example\.org"):
        by_frontend([A, "1.2.3.4", "node.example.org"])


@pytest.mark.parametrize(
    ("fields", "error", "named"),
    [
        ({"env_name": 3}, TypeError, "env_name"),
        ({"env_name": ""}, ValueError, "env_name"),
        ({"env_file": "-x"}, ValueError, "env_file"),
        ({"vlan": "four"}, ValueError, "vlan"),
        ({"vlan": True}, TypeError, "vlan"),
        ({"user": ["bob"]}, TypeError, "user"),
        ({"other_options": "'"}, ValueError, "other_options"),
        ({"other_options": [1]}, TypeError, "other_options"),
        ({"hosts": 3}, TypeError, "hosts"),
    ],
)
def test_impossible_fields_are_named(fields, error, named):
    with pytest.raises(error, match=named):
        Deployment(**{"hosts": A, **fields})


def test_a_deployment_reads_well():
    assert (
        repr(Deployment(A, env_name="x", vlan=4))
        == f"Deployment(hosts=['{A}'], env_name='x', vlan=4)"
    )
    many = [f"graphene-{n}.nancy.grid5000.fr" for n in range(1, 7)]
    assert "6 hosts: graphene-[1-6].nancy.grid5000.fr" in repr(Deployment(many))


def test_an_iterator_of_hosts_lasts_for_several_uses():
    deployment = Deployment((name for name in [A, B]), env_name="x")
    assert deployment.hosts == [A, B]
    assert argv(deployment) == argv(deployment)
