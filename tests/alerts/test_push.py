"""A notice to a patient's phone: only the phone can read it, and it is sent nowhere else."""

import json
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from services.alerts.delivery import push as delivery
from services.alerts.delivery.message import Message
from services.alerts.delivery.outcome import Result
from services.alerts.delivery.ways import Ways
from shared import push
from tests import push_service

UNIT = UUID(int=7)


def test_the_text_is_encrypted_as_the_standard_shows_it() -> None:
    """RFC 8291, section 5 and appendix A: the same keys and salt give the same bytes."""
    own = ec.derive_private_key(
        int.from_bytes(push.unspelt("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"),
        ec.SECP256R1(),
    )

    made = delivery.encrypted(
        b"When I grow up, I want to be a watermelon",
        push.unspelt(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        ),
        push.unspelt("BTBZMqHH6r4Tts7J_aSIgg"),
        own=own,
        salt=push.unspelt("DGv6ra1nlYgDCS1FRnbzlw"),
    )

    assert push.spelt(made) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
        "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
        "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.com/abc",
        "https://localhost/abc",
        "https://printer.local/abc",
        "https://db.internal/abc",
        "https://intranet/abc",
        "https://127.0.0.1/abc",
        "https://10.0.0.8/abc",
        "https://192.168.1.1/abc",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/abc",
        "https://[fd00::1]/abc",
        "https://[::ffff:10.0.0.1]/abc",
        "https://2130706433/abc",
        "https://0x7f.1/abc",
        "https://push.example.com:8443/abc",
        "https://user:word@push.example.com/abc",
        "https://push.example.com/abc#more",
        "https://push.example.com/æ",
        "https:///abc",
        "ftp://push.example.com/abc",
        "https://push.example.com/" + "a" * 1000,
    ],
)
def test_an_address_that_is_no_push_services_is_not_taken(endpoint: str) -> None:
    with pytest.raises(push.NotAPushAddress):
        push.address(endpoint, ())


def test_named_hosts_are_the_only_ones_and_may_lie_inside() -> None:
    inside = push.address("https://push.sykehus.local:8443/abc", {"push.sykehus.local:8443"})

    assert (inside.named, inside.origin) == (True, "https://push.sykehus.local:8443")
    with pytest.raises(push.NotAPushAddress):
        push.address("https://fcm.googleapis.com/abc", {"push.sykehus.local:8443"})
    assert push.address("https://fcm.googleapis.com/abc", ()).named is False


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [("", ""), ("AAAA", "AAAA"), ("B" * 87, "A" * 22), ("!" * 87, "A" * 22)],
)
def test_keys_that_are_no_devices_are_refused(p256dh: str, auth: str) -> None:
    with pytest.raises(push.NotADevicesKeys):
        push.keys(p256dh, auth)


async def test_a_name_that_leads_inside_is_not_posted_to() -> None:
    """What the name is looked up to counts, not what it is called."""
    with pytest.raises(push.NotAPushAddress):
        await delivery.resolved(push.Address("localhost", 443, named=False))
    inside = await delivery.resolved(push.Address("localhost", 443, named=True))
    assert not push.is_public(inside)


async def test_a_phone_reads_what_it_was_sent_and_nobody_else_could() -> None:
    with push_service.started() as service:
        phone, other = service.phone(), service.phone()
        ways = _ways(service)
        async with delivery.client(ways) as client:
            outcome, gone = await delivery.send(
                ways, client, [phone.device, other.device], _message()
            )

        assert (outcome.result, gone) == (Result.DELIVERED, [])
        [post] = service.posts(phone)
        told = json.loads(phone.read(post.body))
        assert told["body"] == "Hjemvakt: Du har fått svar. Åpne appen når du kan."
        assert told["place"] == "/me/messages"
        with pytest.raises(Exception):  # noqa: B017, PT011  # whatever the library calls it
            other.read(post.body)
        assert b"Hjemvakt" not in post.body
        assert int(post.headers["ttl"]) > 0
        assert post.headers["content-encoding"] == "aes128gcm"
        service.check_signature(post, ways)


async def test_a_phone_that_is_gone_is_told_apart_from_one_that_does_not_answer() -> None:
    with push_service.started() as service:
        there, gone, busy = service.phone(), service.phone(410), service.phone(503)
        ways = _ways(service)
        async with delivery.client(ways) as client:
            outcome, left = await delivery.send(
                ways, client, [gone.device, busy.device, there.device], _message()
            )
            worst, _ = await delivery.send(ways, client, [gone.device, busy.device], _message())

    assert (outcome.result, left) == (Result.DELIVERED, [gone.device.hash])
    assert worst.result is Result.FAILED, "one that is busy may take it later"


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted() -> None:
    with push_service.started() as service:
        ways = _ways(service, trusts=False)
        async with delivery.client(ways) as client:
            outcome, _ = await delivery.send(ways, client, [service.phone().device], _message())
        assert outcome.result is Result.FAILED
        assert service.sink == []


def _ways(service: "push_service.PushService | None" = None, *, trusts: bool = True) -> Ways:
    return Ways(
        push_key=ec.generate_private_key(ec.SECP256R1()),
        push_contact="mailto:drift@sykehus.example",
        push_hosts=frozenset({service.host}) if service else frozenset(),
        push_ca=service.certificate if service and trusts else None,
    )


def _message() -> Message:
    return Message(id=UUID(int=1), kind="answer", language="nb", unit_id=UNIT)
