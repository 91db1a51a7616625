import pytest

from connectors.addresses import Addresses, addresses

CHANGES = {
    "settings": ["subdomain", "zone"],
    "base_url": {
        "production": "https://{{ settings.subdomain }}.example.org/v1/",
        "test": "https://test.example.org",
    },
    "hosts": {"portal": "https://portal.{{ settings.zone }}.example.org"},
}
SETTINGS = {"subdomain": "haus-1", "zone": "eu"}


@pytest.fixture
def connector(kit):
    return kit.read("named_by_us", **CHANGES)


def test_settings_stand_in_the_address(connector):
    found = addresses(connector, "production", SETTINGS, None)
    assert found.of(None) == "https://haus-1.example.org/v1"
    assert found.of("portal") == "https://portal.eu.example.org"


def test_an_override_stands_for_every_host(connector):
    found = addresses(connector, None, {}, "http://127.0.0.1:9/v1/")
    hosts = {"portal": "http://127.0.0.1:9/v1"}
    expected = Addresses("http://127.0.0.1:9/v1", hosts, private=True)
    assert found == expected


def test_an_unknown_environment_is_refused(connector):
    with pytest.raises(ValueError, match="'prod', only production, test"):
        addresses(connector, "prod", SETTINGS, None)


@pytest.mark.parametrize(
    "value",
    [
        "evil.org/", "a.b", "a:b@c", "-a", "a-", "", "a b", "ä", "a\n", "x/../y",
        ["a"], {"a": 1},
    ],
)  # fmt: skip
def test_a_setting_that_is_no_label_of_a_host_is_refused(connector, value):
    with pytest.raises(ValueError, match="the setting 'subdomain' stands in"):
        addresses(connector, "production", {**SETTINGS, "subdomain": value}, None)


@pytest.mark.parametrize("settings", [{}, {"subdomain": None}])
def test_a_setting_without_a_value_is_named(connector, settings):
    with pytest.raises(ValueError, match="'subdomain' of the address has no value"):
        addresses(connector, "production", settings, None)
