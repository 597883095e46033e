"""What a deployment decides: each value as it is meant, or a sentence that says what is wrong."""

import pytest

from shared import settings


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("HJEMVAKT_MODE", "test")
    monkeypatch.setenv("HJEMVAKT_IDENTITY_KEY", "ab" * 32)
    monkeypatch.setenv("HJEMVAKT_DATABASE_PATIENTS", "postgresql://x")
    return monkeypatch


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("https://hjemvakt.sykehus.example", "https://hjemvakt.sykehus.example"),
        ("https://hjemvakt.sykehus.example/", "https://hjemvakt.sykehus.example"),
        ("https://Hjemvakt.Sykehus.example", "https://hjemvakt.sykehus.example"),
        ("https://hjemvakt.sykehus.example:8443", "https://hjemvakt.sykehus.example:8443"),
        ("http://127.0.0.1:8003/", "http://127.0.0.1:8003"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_the_public_address_is_a_place_without_a_path(
    given: pytest.MonkeyPatch, sent: str, kept: str
) -> None:
    given.setenv("HJEMVAKT_PUBLIC_URL", sent)
    assert settings.read(settings.Patients).public_url == kept


@pytest.mark.parametrize(
    "sent",
    [
        "hjemvakt.sykehus.example",
        "ftp://hjemvakt.sykehus.example",
        "https://",
        "https://hjemvakt.sykehus.example/vakt",
        "https://hjemvakt.sykehus.example//",
        "https://hjemvakt.sykehus.example?x=1",
        "https://hjemvakt.sykehus.example#x",
        "https://user@hjemvakt.sykehus.example",
        "https://hjemvakt.sykehus.example:0",
        "https://hjemvakt.sykehus.example:70000",
        "https://hjemvakt.sykehus.example:",
        "https://hjemvakt sykehus.example",
    ],
)
def test_another_public_address_stops_the_start_with_a_sentence(
    given: pytest.MonkeyPatch, sent: str
) -> None:
    given.setenv("HJEMVAKT_PUBLIC_URL", sent)
    with pytest.raises(settings.SettingIsMissing, match="HJEMVAKT_PUBLIC_URL"):
        settings.read(settings.Patients)
