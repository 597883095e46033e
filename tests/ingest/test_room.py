"""Large bodies one after another: what many senders bring at once does not fill the memory."""

import asyncio

from services.ingest.mllp import Frames
from services.ingest.room import AT_ONCE, SMALL, Room

LARGE = b"\x0bMSH|" + b"x" * (2 * SMALL) + b"\x1c\r"


def fed(*pieces: bytes, ends: bool = True) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    for piece in pieces:
        reader.feed_data(piece)
    if ends:
        reader.feed_eof()
    return reader


async def test_frames_are_found_however_they_are_cut_and_whatever_stands_between() -> None:
    sent = b"\r\n\x0bMSH|1\x1c\r\n\x0bMSH|2\x1c\r\x0bMSH|3\x1c\r"
    for cut in range(1, len(sent)):
        frames = Frames(fed(sent[:cut], sent[cut:]), Room())
        found = []
        while (frame := await frames.next()) is not None:
            found.append(frame)
            frames.done()
        assert found == [b"MSH|1", b"MSH|2", b"MSH|3"]


async def test_what_is_no_frame_or_never_ends_is_the_end_of_it() -> None:
    room = Room()
    for sent in (b"GET / HTTP/1.1\r\n", b"\x0bMSH|", b"", b"\x0b" + b"x" * (6 * 1024 * 1024)):
        assert await Frames(fed(sent), room).next() is None
    for _ in range(AT_ONCE):  # nobody has kept his place
        await asyncio.wait_for(room.enter(), 1)


async def test_a_large_message_waits_for_room_and_a_small_one_does_not() -> None:
    room = Room()
    held = [Frames(fed(LARGE, ends=False), room) for _ in range(AT_ONCE)]
    for frames in held:
        assert await frames.next() == LARGE[1:-2]
    late = Frames(fed(LARGE, ends=False), room)
    waiting = asyncio.ensure_future(late.next())
    assert await Frames(fed(b"\x0bMSH|small\x1c\r"), room).next() == b"MSH|small"
    await asyncio.sleep(0.05)
    assert not waiting.done()

    held[0].done()

    assert await asyncio.wait_for(waiting, 1) == LARGE[1:-2]


async def test_a_request_that_does_not_say_how_large_it_is_takes_room_and_gives_it_back() -> None:
    room = Room()
    small: dict[str, object] = {}
    await room.enter_for(small, b"1000")
    assert not small
    for _ in range(3 * AT_ONCE):
        scope: dict[str, object] = {}
        await asyncio.wait_for(room.enter_for(scope, None), 1)
        await asyncio.wait_for(room.enter_for(scope, None), 1)
        room.leave_for(scope)
        room.leave_for(scope)
