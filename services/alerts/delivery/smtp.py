"""A message as an e-mail, handed to the hospital's own server. Its Message-ID is the delivery's."""

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import SplitResult, unquote, urlsplit

from services.alerts.delivery import message as words
from services.alerts.delivery.message import Message
from services.alerts.delivery.outcome import Outcome, Result
from services.alerts.delivery.ways import SECONDS, Ways

PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


async def send(ways: Ways, to: str, message: Message) -> Outcome:
    if ways.smtp_url is None or ways.mail_from is None:
        return Outcome(Result.REFUSED, "not-configured")
    letter = written(ways.mail_from, to, message)
    # smtplib waits; its own time-outs bound how long.
    return await asyncio.to_thread(_hand_over, urlsplit(ways.smtp_url), letter)


def written(sender: str, to: str, message: Message) -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"] = sender, to
    letter["Subject"] = words.subject(message)
    letter["Message-ID"] = f"<{message.id}@hjemvakt>"
    letter["Auto-Submitted"] = "auto-generated"
    letter["X-Hjemvakt-Delivery"] = str(message.id)
    letter.set_content(words.text(message) + "\n")
    return letter


def _hand_over(server: SplitResult, letter: EmailMessage) -> Outcome:
    try:
        with _connected(server) as smtp:
            if server.username:
                smtp.login(unquote(server.username), unquote(server.password or ""))
            smtp.send_message(letter)
    except smtplib.SMTPRecipientsRefused as error:
        return _of_code(next(iter(error.recipients.values()))[0])
    except smtplib.SMTPResponseException as error:
        return _of_code(error.smtp_code)
    except TimeoutError:
        return Outcome(Result.FAILED, "timeout")
    except (smtplib.SMTPException, OSError):
        return Outcome(Result.FAILED, "no-connection")
    return Outcome(Result.DELIVERED, "smtp-250")


def _connected(server: SplitResult) -> smtplib.SMTP:
    host, port = server.hostname or "", server.port or PORTS.get(server.scheme, 25)
    if server.scheme == "smtps":
        secure = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=secure)
    smtp = smtplib.SMTP(host, port, timeout=SECONDS)
    if server.scheme == "smtp+starttls":
        smtp.starttls(context=ssl.create_default_context())
    return smtp


def _of_code(code: int) -> Outcome:
    result = Result.REFUSED if 500 <= code < 600 else Result.FAILED
    return Outcome(result, f"smtp-{code}")
