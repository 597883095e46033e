"""Log-in as people meet it: from the page to the issuer, back with a session, and out again."""

import html
import re
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.journeys.hospital import Hospital, bearer
from tests.journeys.oidc import choose


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    """Cookies and redirects as a browser has them."""
    with httpx.Client(trust_env=False, timeout=30, follow_redirects=True) as client:
        yield client


def nurse(hospital: Hospital) -> str:
    return str(next(one["id"] for one in hospital.seeded["staff"] if one["role"] == "nurse"))


def log_in(hospital: Hospital, browser: httpx.Client, place: str = "/") -> httpx.Response:
    issuers_page = browser.get(f"{hospital.addresses['alerts']}{place}")
    assert str(issuers_page.url).startswith(hospital.addresses["issuer"])
    return choose(browser, issuers_page, nurse(hospital))


def test_a_nurse_logs_in_and_comes_to_the_page_she_wanted(
    hospital: Hospital, browser: httpx.Client
) -> None:
    patient = hospital.patient()

    page = log_in(hospital, browser, f"/patients/{patient.id}")

    assert page.status_code == 200
    assert urlsplit(str(page.url)).path == f"/patients/{patient.id}"
    cookies = {cookie.name: cookie for cookie in browser.cookies.jar}
    assert set(cookies) == {"hjemvakt"}
    assert "." not in str(cookies["hjemvakt"].value)  # nothing in it: a name of a session
    assert cookies["hjemvakt"].has_nonstandard_attr("HttpOnly")
    worklist = browser.get(f"{hospital.addresses['alerts']}/v1/worklist")
    assert worklist.status_code == 200


def test_logging_out_ends_the_session_and_its_stream(
    hospital: Hospital, browser: httpx.Client
) -> None:
    alerts = hospital.addresses["alerts"]
    log_in(hospital, browser)
    stolen = {"cookie": f"hjemvakt={browser.cookies['hjemvakt']}"}

    with httpx.stream(
        "GET", f"{alerts}/v1/worklist/stream", headers=stolen, timeout=30, trust_env=False
    ) as stream:
        lines = stream.iter_lines()
        next(lines)
        out = browser.post(f"{alerts}/logout", headers={"sec-fetch-site": "same-origin"})
        began = time.monotonic()
        for _line in lines:
            pass  # until it ends
        assert time.monotonic() - began < 15

    assert "Du er logget ut" in out.text
    assert httpx.get(f"{alerts}/v1/worklist", headers=stolen, trust_env=False).status_code == 401


def test_who_logs_out_here_is_logged_out_at_the_issuer_too_and_comes_back(
    hospital: Hospital, browser: httpx.Client
) -> None:
    alerts = hospital.addresses["alerts"]
    log_in(hospital, browser)
    out = browser.post(f"{alerts}/logout", headers={"sec-fetch-site": "same-origin"})
    [onwards] = set(re.findall(r'href="([^"]+/endsession[^"]+)"', out.text))
    assert f'content="0;url={onwards}"' in out.text  # nobody has to press it

    page = browser.get(html.unescape(onwards))

    assert str(page.url) == f"{alerts}/login?state=left"
    assert "Du er logget ut" in page.text
    assert not [name for name in browser.cookies if name == "hjemvakt"]


def test_whom_the_issuer_logs_out_is_logged_out_and_his_stream_ends(
    hospital: Hospital, browser: httpx.Client
) -> None:
    made = hospital.patients.post(
        "/v1/staff",
        json={"name": "Logget Ut", "role": "nurse", "units": [hospital.unit]},
        headers=hospital.administrator,
    ).json()
    alerts = hospital.addresses["alerts"]
    choose(browser, browser.get(f"{alerts}/"), made["id"])
    cookie = {"cookie": f"hjemvakt={browser.cookies['hjemvakt']}"}
    setup = f"{hospital.addresses['patients']}/setup/devices"
    assert httpx.get(setup, headers=cookie, trust_env=False).status_code == 200

    with httpx.stream(
        "GET", f"{alerts}/v1/worklist/stream", headers=cookie, timeout=30, trust_env=False
    ) as stream:
        lines = stream.iter_lines()
        next(lines)
        there = f"{hospital.addresses['issuer']}/helseid/log-out"
        told = httpx.post(there, data={"sub": made["id"]}, trust_env=False)
        began = time.monotonic()
        said = list(lines)  # until it ends
        assert time.monotonic() - began < 30

    assert told.json() == {"told": 1}
    assert "event: ended" in said
    assert browser.get(f"{alerts}/v1/worklist").status_code == 401
    assert httpx.get(setup, headers=cookie, trust_env=False).status_code == 303


def test_who_leaves_a_unit_hears_no_more_of_it(hospital: Hospital, browser: httpx.Client) -> None:
    made = hospital.patients.post(
        "/v1/staff",
        json={"name": "Flytter Over", "role": "nurse", "units": [hospital.unit]},
        headers=hospital.administrator,
    ).json()
    alerts = hospital.addresses["alerts"]
    choose(browser, browser.get(f"{alerts}/"), made["id"])
    cookie = {"cookie": f"hjemvakt={browser.cookies['hjemvakt']}"}

    with httpx.stream(
        "GET", f"{alerts}/v1/worklist/stream", headers=cookie, timeout=30, trust_env=False
    ) as stream:
        lines = stream.iter_lines()
        next(lines)
        moved = hospital.patients.patch(
            f"/v1/staff/{made['id']}", json={"units": []}, headers=hospital.administrator
        )
        assert moved.is_success, moved.text
        began = time.monotonic()
        said = []
        for line in lines:  # until it ends
            said.append(line)
            assert time.monotonic() - began < 30

    assert "event: ended" not in said  # the session goes on, elsewhere
    assert browser.get(f"{alerts}/v1/worklist").status_code == 200


def test_a_patient_is_logged_in_and_out_by_the_issuer(
    hospital: Hospital, browser: httpx.Client
) -> None:
    patient, mine = hospital.patient(), f"{hospital.addresses['patients']}/me"
    way_in = browser.get(f"{mine}/login").text
    [start] = re.findall(r'href="(/me/login/start[^"]+)"', way_in)
    page = browser.get(f"{hospital.addresses['patients']}{html.unescape(start)}")
    hidden = dict(re.findall(r'name="(client_id|request_uri)" value="([^"]+)"', page.text))
    home = browser.post(page.url, data={**hidden, "pid": patient.number})
    assert str(home.url) == mine, home.text
    assert browser.get(mine).status_code == 200

    there = f"{hospital.addresses['issuer']}/idporten/log-out"
    told = httpx.post(there, data={"sub": f"citizen-{patient.number}"}, trust_env=False)

    assert told.json() == {"told": 1}
    assert str(browser.get(mine).url).startswith(f"{mine}/login")


def test_who_leaves_is_out_at_once(hospital: Hospital, browser: httpx.Client) -> None:
    made = hospital.patients.post(
        "/v1/staff",
        json={"name": "Kort Tid", "role": "nurse", "units": [hospital.unit]},
        headers=hospital.administrator,
    ).json()
    alerts = hospital.addresses["alerts"]
    choose(browser, browser.get(f"{alerts}/"), made["id"])
    assert browser.get(f"{alerts}/v1/worklist").status_code == 200

    hospital.patients.patch(
        f"/v1/staff/{made['id']}", json={"left": True}, headers=hospital.administrator
    )

    assert browser.get(f"{alerts}/v1/worklist").status_code == 401


def test_another_browser_cannot_come_back_with_a_code(
    hospital: Hospital, browser: httpx.Client
) -> None:
    alerts = hospital.addresses["alerts"]
    page = browser.get(f"{alerts}/")
    hidden = dict(re.findall(r'name="(client_id|request_uri)" value="([^"]+)"', page.text))
    sent = {**hidden, "person": nurse(hospital)}
    back = browser.post(page.url, data=sent, follow_redirects=False).headers["location"]
    stranger = httpx.get(back, follow_redirects=False, trust_env=False)
    assert stranger.headers["location"] == "/login?problem=log-in-failed"
    assert not [name for name in stranger.cookies if name == "hjemvakt"]

    # Nor this one, with another's state or issuer, or twice.
    for name, value in (("state", "x"), ("iss", "https://example.org"), ("code", "x")):
        again = browser.get(f"{alerts}/login/start")
        hidden = dict(re.findall(r'name="(client_id|request_uri)" value="([^"]+)"', again.text))
        sent = {**hidden, "person": nurse(hospital)}
        back = browser.post(again.url, data=sent, follow_redirects=False).headers["location"]
        query = {key: values[0] for key, values in parse_qs(urlsplit(back).query).items()}
        wrong = browser.get(back.partition("?")[0], params={**query, name: value})
        assert "problem=log-in-failed" in str(wrong.url), name
        right = browser.get(back)
        assert "problem=log-in-failed" in str(right.url), "a log-in is answered once"
    assert browser.get(f"{alerts}/v1/worklist").status_code == 401


def test_the_issuer_may_turn_its_keys_while_people_work(
    hospital: Hospital, browser: httpx.Client
) -> None:
    log_in(hospital, browser)
    turned = httpx.post(f"{hospital.addresses['issuer']}/helseid/rotate", trust_env=False)
    assert turned.status_code == 204
    browser.cookies.clear()

    page = log_in(hospital, browser)

    assert page.status_code == 200
    assert "problem" not in str(page.url)


def test_the_issuer_wants_what_helseid_wants(hospital: Hospital) -> None:
    place = f"{hospital.addresses['issuer']}/helseid"
    form = {"client_id": "hjemvakt-page", "response_type": "code"}
    answers = {
        "a request that was not pushed": httpx.get(f"{place}/authorize", params=form),
        "a push without a key": httpx.post(f"{place}/par", data=form),
        "a token without a key": httpx.post(f"{place}/token", data=form),
    }
    assert {name: answer.status_code // 100 for name, answer in answers.items()} == dict.fromkeys(
        answers, 4
    )


def test_seeded_tokens_go_on_as_plain_bearer(hospital: Hospital) -> None:
    token = hospital.seeded["staff"][0]["token"]
    assert hospital.patients.get("/v1/units", headers=bearer(token)).status_code == 200
    proof = {"authorization": f"DPoP {token}", "dpop": "x.y.z"}
    assert hospital.patients.get("/v1/units", headers=proof).status_code == 401
