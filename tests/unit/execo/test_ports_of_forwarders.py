"""Ports of forwarders, and the words of ssh; what goes through them is a matter of real ssh."""

import pytest

from execo import PortForwarder, configuration

FEW = (26600, 26620)


def forwarder(**options):
    return PortForwarder("h", "r", 80, **options)


def as_many_as_there_are():
    configuration["port_range"] = FEW
    forwarders = []
    with pytest.raises(OSError, match="no free port between 26600 and 26619 on 127.0.0.1"):
        forwarders.extend(iter(forwarder, None))
    return forwarders


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (None, "127.0.0.1:5000:r:80"),
        ("::1", "[::1]:5000:r:80"),
        ("[::1]", "[::1]:5000:r:80"),
        ("*", "*:5000:r:80"),
    ],
)
def test_ssh_is_given_an_address_that_listens_as_it_reads_it(given, word):
    assert word in forwarder(bind_address=given, local_port=5000)._argv()


def test_all_addresses_can_be_listened_on():
    low, high = configuration["port_range"]
    assert low <= forwarder(bind_address="*").local_port < high


def test_an_address_of_another_machine_is_told_by_name():
    with pytest.raises(OSError, match=r"bind_address: '203.0.113.1': Cannot assign"):
        forwarder(bind_address="203.0.113.1")
    with pytest.raises(TypeError, match="bind_address: 5: expected an address"):
        forwarder(bind_address=5)


def test_forwarders_that_have_not_ended_have_ports_of_their_own():
    forwarders = as_many_as_there_are()
    ports = [forwarder.local_port for forwarder in forwarders]
    assert len(set(ports)) == len(ports) > 1


def test_the_port_of_a_forwarder_that_ended_or_is_gone_is_given_again():
    forwarders = as_many_as_there_are()
    ended = forwarders[0]
    ended.connexion_params, ended.nolog_error = {"ssh": "/no/ssh"}, True
    assert ended.run().error
    assert forwarder().local_port == ended.local_port
    gone = forwarders.pop().local_port
    assert forwarder().local_port in (gone, ended.local_port)


def test_a_port_that_was_chosen_is_not_given_to_another_forwarder():
    configuration["port_range"] = FEW
    chosen = [forwarder(local_port=port) for port in range(*FEW)]
    with pytest.raises(OSError, match="no free port"):
        forwarder()
    assert len(chosen) == FEW[1] - FEW[0]


def test_a_forwarder_that_can_not_be_made_takes_no_port():
    configuration["port_range"] = (FEW[0], FEW[0] + 1)
    with pytest.raises(TypeError, match="no option"):
        forwarder(local_port=FEW[0], nothing=1)
    assert forwarder().local_port == FEW[0]
