"""An address of Ray at which nobody answers is met at once, by knocking at it first."""

import socket

import pytest

from zoo.engines.ray_ import _knock


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_nobody_at_an_address_is_an_error_and_somebody_is_none(form: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = form.format(server.getsockname()[1])
        _knock(address)
    with pytest.raises(ConnectionError):
        _knock(address)


@pytest.mark.parametrize("address", ["", "auto", "local", "cluster.of.ours"])
def test_what_is_no_host_with_a_port_is_left_to_ray(address: str) -> None:
    _knock(address)
