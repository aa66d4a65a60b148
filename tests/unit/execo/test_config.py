"""Settings: real dicts, checked where they are written, in layers."""

import copy
import json
import logging
import pickle
import threading
from dataclasses import FrozenInstanceError, dataclass, field
from datetime import timedelta
from typing import Any

import pytest

import execo
from execo import configuration, default_connexion_params, make_connexion_params
from execo._config.environment import environment_layers
from execo._config.layers import SettingsDict
from execo.config import ConnexionSettings, Settings, settings
from execo_g5k.config import g5k_configuration, g5k_settings


@dataclass(frozen=True, kw_only=True)
class Record:
    name: str = "n"
    count: int = 1
    delay: float | None = 2
    flag: bool = False
    mode: bool | str = True
    level: int | str | None = None
    pair: tuple[int, ...] = (1, 2)
    options: tuple[str, ...] | str = ()
    extra: dict[str, Any] = field(default_factory=dict)
    anything: Any = None


def made(*layers):
    return SettingsDict(Record, "record", lambda: layers)


def errors(caplog):
    return [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]


def test_the_documented_defaults_are_there():
    assert configuration["remote_tool"] == execo.SSH
    assert configuration["fileput_tool"] == configuration["fileget_tool"] == execo.SCP
    assert configuration["compact_output_threshold"] == 4096
    assert configuration["kill_timeout"] == 60
    assert configuration["kill_childs_at_end"] is True
    assert configuration["port_range"] == (25500, 26700)
    params = default_connexion_params
    assert (params["user"], params["keyfile"], params["port"]) == (None, None, None)
    assert (params["ssh"], params["scp"], params["taktuk"]) == ("ssh", "scp", "taktuk")
    assert "-tt" in params["ssh_options"]
    assert "-rp" in params["scp_options"]
    for options in ("ssh_options", "scp_options", "taktuk_connector_options"):
        assert {"BatchMode=yes", "PasswordAuthentication=no", "ConnectTimeout=20"} < {
            *params[options]
        }
    assert params["forwarding_timeout"] == 25
    assert params["host_rewrite_func"] is None


def test_settings_are_real_dicts_in_every_way_that_a_script_reads_them():
    found = made()
    plain = {**found}
    assert isinstance(found, dict)
    assert plain == dict(found) == found.copy() == found == dict(found.items())
    assert list(found) == list(found.keys()) == list(plain)
    assert list(reversed(found)) == list(reversed(plain))
    assert len(found) == len(plain)
    assert list(found.values()) == list(plain.values())
    assert json.loads(json.dumps(found))["name"] == "n"
    assert repr(found) == repr(plain)
    assert type(found.copy()) is dict
    assert found | {"count": 2} == {**plain, "count": 2}
    assert {"count": 2, "more": 1} | found == {"more": 1, **plain}


@pytest.mark.parametrize(
    "read",
    [
        lambda d: d["count"],
        lambda d: d.get("count"),
        lambda d: {**d}["count"],
        lambda d: dict(d)["count"],
        lambda d: d.copy()["count"],
        lambda d: dict(d.items())["count"],
        lambda d: json.loads(json.dumps(d))["count"],
        lambda d: pickle.loads(pickle.dumps(d))["count"],
        lambda d: copy.deepcopy(d)["count"],
        lambda d: copy.copy(d)["count"],
        lambda d: (d | {})["count"],
        lambda d: ({} | d)["count"],
        lambda d: d.pop("count"),
        lambda d: d.setdefault("count", 9),
        lambda d: d.snapshot().count,
        lambda d: 7 if {**Record().__dict__, "count": 7} == d else None,
        lambda d: 7 if (d != {**Record().__dict__, "count": 7}) is False else None,
        lambda d: 7 if d == made(("f", {"count": 7})) else None,
        lambda d: eval(repr(d))["count"],
        lambda d: 7 if d.origin["count"] == "file" else None,
    ],
)
def test_layers_are_there_however_the_dict_is_read_first(read):
    assert read(made(("file", {"count": 7}))) == 7


def test_a_later_layer_wins_and_the_script_wins_over_all():
    found = made(("file", {"count": 2, "name": "a"}), ("environment", {"count": 3}))
    found["name"] = "b"
    assert (found["count"], found["name"]) == (3, "b")
    origins = (found.origin["count"], found.origin["name"], found.origin["flag"])
    assert origins == ("environment", "script", "default")


def test_what_the_script_wrote_before_the_first_read_wins_over_the_file():
    found = made(("file", {"count": 2}))
    found.update(count=5)
    assert found["count"] == 5


def test_all_ways_to_write_are_checked():
    found = made()
    found["count"] = 2
    found.update({"count": 3}, name="b")
    found |= {"flag": True}
    found |= [("level", "INFO")]
    assert found.setdefault("name", "c") == "b"
    assert found.snapshot() == Record(count=3, name="b", flag=True, level="INFO")
    for write in (
        lambda: found.__setitem__("count", "x"),
        lambda: found.update(count="x"),
        lambda: found.__ior__({"count": "x"}),
        lambda: found.snapshot(count="x"),
    ):
        with pytest.raises(TypeError, match=r"count.*'x': expected int"):
            write()
    assert found["count"] == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", 1),
        ("name", None),
        ("count", True),
        ("count", 1.5),
        ("delay", True),
        ("delay", []),
        ("flag", 1),
        ("flag", "yes"),
        ("pair", 1),
        ("extra", []),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_with_its_key(key, value):
    with pytest.raises(TypeError, match=rf"record\['{key}'\]: .*expected "):
        made()[key] = value


@pytest.mark.parametrize("value", [90, 90.0, "90", "1:30", "0:1:30", timedelta(seconds=90)])
def test_a_duration_is_given_in_any_of_its_forms_and_read_in_seconds(value):
    found = made()
    found["delay"] = value
    assert found["delay"] == found.snapshot().delay == 90
    assert made().snapshot(delay=value).delay == 90


@pytest.mark.parametrize("value", [-1, "soon"])
def test_a_wrong_duration_is_refused_with_its_key(value):
    with pytest.raises(ValueError, match=r"record\['delay'\].*is no duration"):
        made()["delay"] = value


def test_a_key_that_is_no_setting_warns_on_the_line_that_writes_it():
    found = made()
    for write in (
        lambda: found.__setitem__("conut", 2),
        lambda: found.update(conut=2),
        lambda: found.__ior__({"conut": 2}),
        lambda: found.setdefault("cuont", 2),
    ):
        with pytest.warns(UserWarning, match=r"is no setting, did you mean 'count'") as caught:
            write()
    with pytest.warns(UserWarning, match="conut") as caught:
        found["conut"] = 3
    assert caught[0].filename == __file__
    assert found["conut"] == 3
    assert found.snapshot() == Record()


def test_removing_a_value_gives_back_the_default_to_the_library():
    found = made(("file", {"count": 7, "name": "a", "flag": True}))
    del found["count"]
    assert found.pop("name") == "a"
    assert found.pop("name", "gone") == "gone"
    assert found.snapshot() == Record(flag=True)
    assert "count" not in found
    assert "count" not in found.origin
    with pytest.raises(KeyError):
        found.pop("count")
    with pytest.raises(KeyError):
        del found["count"]
    assert found.popitem()[0] == "anything"


def test_a_cleared_dict_is_empty_whatever_files_say():
    found = made(("file", {"count": 7}))
    found.clear()
    assert found == {}
    assert not found
    assert found.snapshot() == Record()


def test_a_reset_reads_the_layers_again():
    layers = [("file", {"count": 7})]
    found = SettingsDict(Record, "record", lambda: layers)
    found["count"] = 9
    layers[0] = ("file", {"count": 8})
    found.reset()
    assert found["count"] == 8


def test_copies_are_plain_dicts_that_change_nothing():
    found = made()
    for other in (found.copy(), copy.copy(found), copy.deepcopy(found), dict(found), {**found}):
        assert type(other) is dict
        other["count"] = "anything"
    assert found["count"] == 1
    copy.deepcopy(found)["extra"]["a"] = 1
    assert found["extra"] == {}


def test_a_snapshot_is_frozen_and_made_once():
    found = made()
    before = found.snapshot()
    assert found.snapshot() is before
    with pytest.raises(FrozenInstanceError):
        before.count = 2
    found["count"] = 2
    assert (before.count, found.snapshot().count) == (1, 2)


def test_what_is_changed_inside_of_a_value_counts_from_the_next_snapshot_on():
    found = made()
    before = found.snapshot()
    found["extra"]["branch"] = "x"
    assert before.extra == {}
    assert found.snapshot().extra == {"branch": "x"}
    found["extra"]["branch"] = "y"
    assert found.snapshot(count=3).extra == {"branch": "y"}


def test_a_default_that_was_changed_inside_is_not_shared_with_other_dicts():
    made()["extra"]["a"] = 1
    assert made()["extra"] == {}


def test_a_wrong_value_of_a_layer_is_logged_once_and_left_out(caplog):
    found = made(("/home/a/.execo.conf.py, line 3", {"count": "x", "delay": -1, "name": "b"}))
    assert (found["count"], found["delay"], found["name"]) == (1, 2, "b")
    assert found.snapshot() == Record(name="b")
    assert len(errors(caplog)) == 2
    assert (
        "record['count'] (/home/a/.execo.conf.py, line 3): 'x': expected int" in errors(caplog)[0]
    )


def test_an_unknown_key_of_a_layer_is_logged_and_kept(caplog):
    found = made(("file", {"conut": 2, 3: 4}))
    assert found["conut"] == 2
    assert found.snapshot() == Record()
    assert "record['conut'] (file) is no setting, did you mean 'count'?" in caplog.text


def test_many_threads_that_read_first_all_see_the_layers():
    reading = threading.Barrier(20)

    def layers():
        yield "a", {"count": 6}
        yield "b", {"count": 7}

    found = SettingsDict(Record, "record", layers)
    seen = []

    def read():
        reading.wait()
        seen.append(found["count"])

    threads = [threading.Thread(target=read) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [7] * 20


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("X_NAME", "abc", "name", "abc"),
        ("X_COUNT", "12", "count", 12),
        ("X_DELAY", "1.5", "delay", 1.5),
        ("X_DELAY", "0:15:00", "delay", 900),
        ("X_DELAY", "none", "delay", None),
        ("X_DELAY", "", "delay", None),
        ("X_FLAG", "yes", "flag", True),
        ("X_FLAG", "0", "flag", False),
        ("X_MODE", "False", "mode", False),
        ("X_MODE", "/etc/ca.pem", "mode", "/etc/ca.pem"),
        ("X_LEVEL", "10", "level", 10),
        ("X_LEVEL", "DEBUG", "level", "DEBUG"),
        ("X_PAIR", "3, 4", "pair", (3, 4)),
        ("X_OPTIONS", "-o A=b", "options", "-o A=b"),
        ("X_EXTRA", '{"branch": "x"}', "extra", {"branch": "x"}),
        ("X_ANYTHING", "text", "anything", "text"),
    ],
)
def test_a_variable_of_the_environment_is_typed_by_its_field(variable, text, key, value):
    layers = list(environment_layers(Record, "X_", {variable: text, "Y_COUNT": "x"}))
    assert layers == [(f"environment variable {variable}", {key: value})]
    assert type(layers[0][1][key]) is type(value)


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("X_COUNT", "many", "int"),
        ("X_COUNT", "", "int"),
        ("X_DELAY", "-1", "a duration"),
        ("X_FLAG", "maybe", "bool"),
        ("X_PAIR", "1,b", "tuple"),
        ("X_EXTRA", "[1]", "dict"),
        ("X_EXTRA", "{", "dict"),
    ],
)
def test_a_malformed_variable_is_logged_and_left_out(caplog, variable, text, expected):
    assert list(environment_layers(Record, "X_", {variable: text})) == []
    [message] = errors(caplog)
    assert f"environment variable {variable}" in message
    assert f"{text!r}: expected {expected}" in message


def test_the_environment_is_between_the_file_and_the_script(own_home, monkeypatch):
    (own_home / ".execo.conf.py").write_text(
        "configuration = {'kill_timeout': 1, 'fanout': 2}\n"
        "g5k_configuration = {'default_timeout': 1, 'polling_interval': 2}\n"
    )
    monkeypatch.setenv("EXECO_KILL_TIMEOUT", "11")
    monkeypatch.setenv("EXECO_G5K_DEFAULT_TIMEOUT", "0:1:0")
    assert (settings().kill_timeout, settings().fanout) == (11, 2)
    assert (g5k_settings().default_timeout, g5k_settings().polling_interval) == (60, 2)
    assert g5k_configuration.origin["default_timeout"].endswith("EXECO_G5K_DEFAULT_TIMEOUT")
    g5k_configuration["default_timeout"] = 5
    assert g5k_settings().default_timeout == 5
    assert g5k_configuration.snapshot(default_timeout=6).default_timeout == 6


def test_the_level_of_the_logger_is_a_setting():
    configuration["log_level"] = "debug"
    assert execo.logger.level == logging.DEBUG
    configuration["log_level"] = logging.ERROR
    assert execo.logger.level == logging.ERROR
    configuration["log_level"] = None
    assert execo.logger.level == logging.ERROR
    with pytest.raises(ValueError, match=r"configuration\['log_level'\].*CHATTY"):
        configuration["log_level"] = "chatty"


def test_the_level_of_the_logger_can_come_from_the_environment(monkeypatch, caplog):
    monkeypatch.setenv("EXECO_LOG_LEVEL", "INFO")
    assert settings().log_level == "INFO"
    assert execo.logger.level == logging.INFO


def test_both_spellings_make_connexion_params():
    made = make_connexion_params(connection_params={"user": "u"}, default_connection_params={})
    assert made == {"user": "u"}


@pytest.mark.parametrize(
    ("key", "value"), [("fanout", 0), ("port_range", (5,)), ("port_range", (2, 1))]
)
def test_an_impossible_setting_is_refused_where_it_is_written(key, value):
    with pytest.raises(ValueError, match=rf"configuration\['{key}'\]: "):
        configuration[key] = value


def test_connexion_params_are_made_above_the_default_ones():
    default_connexion_params["user"] = "alice"
    made_params = make_connexion_params({"port": 22})
    assert type(made_params) is dict
    assert (made_params["user"], made_params["port"]) == ("alice", 22)
    assert make_connexion_params({"port": 22}, {"ssh": "oarsh"}) == {"ssh": "oarsh", "port": 22}
    assert make_connexion_params() == default_connexion_params
    assert "port" in make_connexion_params(default_connexion_params=None)


def test_every_setting_has_a_default_that_its_own_type_accepts():
    for record in (Settings, ConnexionSettings):
        found = SettingsDict(record, "record", lambda: ())
        found.update(found.copy())
        assert found.snapshot() == record()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("remote_tool", 99, r"remote_tool: 99: expected SSH \(1\) or TAKTUK \(3\)"),
        ("fileput_tool", 1, r"1: expected SCP \(2\) or TAKTUK \(3\) or CHAINPUT \(4\)"),
        ("fileget_tool", 4, r"4: expected SCP \(2\) or TAKTUK \(3\)"),
        ("port_range", ("a", "b"), "port_range: 'a' in .*: expected two numbers"),
        ("color_styles", {"emph": 5}, "color_styles: 5 for 'emph': expected names of colours"),
        ("color_styles", {"emph": ["red", 5]}, r"color_styles: \['red', 5\] for 'emph'"),
    ],
)
def test_an_impossible_setting_is_told_with_what_is_accepted(key, value, message):
    before = configuration[key]
    with pytest.raises((TypeError, ValueError), match=message):
        configuration[key] = value
    assert configuration[key] == before


def test_what_can_not_rewrite_hosts_is_refused_where_it_is_written():
    with pytest.raises(TypeError, match="host_rewrite_func: 5: expected a function"):
        default_connexion_params["host_rewrite_func"] = 5
    with pytest.raises(TypeError, match="host_rewrite_func: 5: expected a function"):
        execo.SshProcess("true", "h", {"host_rewrite_func": 5})


def test_what_are_no_connexion_params_is_refused_by_name():
    with pytest.raises(TypeError, match="^connexion_params: 5: expected a dict"):
        make_connexion_params(5)
    with pytest.raises(TypeError, match="default_connexion_params: 5: expected a dict"):
        make_connexion_params({}, 5)
