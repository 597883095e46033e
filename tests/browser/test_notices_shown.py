"""A notice on a real phone: what alerts encrypts and sends, a real service worker shows.

No push service is asked: what it would hand over is handed to the worker through the browser's own
door for it. The browser's subscription itself needs its maker's push service and is not made here;
that what is sent can be read by the phone alone is shown in tests/alerts/test_push.py.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.alerts.delivery import push as delivery
from tests import push_service
from tests.alerts.test_push import _message, _ways
from tests.browser.test_my_page import Phone, new_phone, phone
from tests.journeys.hospital import Patient

__all__ = ["new_phone", "phone"]


def sent() -> str:
    """What a phone reads of what was posted to its push service."""

    async def send() -> str:
        with push_service.started() as service:
            to, ways = service.phone(), _ways(service)
            async with delivery.client(ways) as client:
                await delivery.send(ways, client, [to.device], _message())
            [post] = service.posts(to)
            return to.read(post.body).decode()

    with ThreadPoolExecutor(1) as beside:  # the browser's own loop runs here
        return beside.submit(asyncio.run, send()).result()


def handed_over(phone: Phone, text: str) -> list[dict[str, Any]]:
    """The notices that stand on the phone after its worker has been handed this."""
    phone.page.context.grant_permissions(["notifications"], origin=phone.address)
    phone.ready()
    devtools = phone.page.context.new_cdp_session(phone.page)
    workers: list[str] = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: workers.extend(one["registrationId"] for one in told["registrations"]),
    )
    devtools.send("ServiceWorker.enable")
    for _ in range(50):
        if workers:
            break
        phone.page.wait_for_timeout(100)
    devtools.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": phone.address, "registrationId": workers[-1], "data": text},
    )
    for _ in range(50):
        shown: list[dict[str, Any]] = phone.page.evaluate(
            """async () => (await (await navigator.serviceWorker.ready).getNotifications())
                .map(({ title, body, tag, lang, data }) => ({ title, body, tag, lang, data }))"""
        )
        if shown:
            return shown
        phone.page.wait_for_timeout(100)
    raise AssertionError("nothing is shown")


def test_the_worker_shows_that_something_waits_and_names_nobody(
    phone: Phone, patient: Patient
) -> None:
    [notice] = handed_over(phone, sent())

    assert notice["title"] == "Hjemvakt"
    assert notice["body"] == "Hjemvakt: Du har fått svar. Åpne appen når du kan."
    assert notice["data"] == {"place": "/me/messages"}
    said = str(notice)
    assert patient.number not in said
    assert str(patient.id) not in said
    assert "Testesen" not in said


@pytest.mark.parametrize("text", ["", "not what we send", "[1, 2"])
def test_what_the_worker_cannot_read_is_shown_without_words(phone: Phone, text: str) -> None:
    [notice] = handed_over(phone, text)

    assert (notice["title"], notice["body"], notice["data"]) == ("Hjemvakt", "", {"place": "/me"})
